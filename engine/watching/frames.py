"""From what was taken of a training step to the frame that is recorded of it."""

import math

import numpy as np

from engine.arrays import Array
from engine.blas import on_one_thread
from engine.bptt.network import Network
from engine.cells import Cell
from engine.config import CaptureConfig
from engine.errors import ShapeError
from engine.parameter_names import READOUT
from engine.recording import Frame, Layout, layouts
from engine.recording.layout import stored_row
from engine.tracing.parameters import GivenParameters
from engine.watching.merging import merged
from engine.watching.swept import Swept, sweep_group
from engine.watching.taken import Taken, require_fit


def frame_of(config: CaptureConfig, taken: Taken) -> Frame:
    """Sweep back what was taken of a training step, and return the frame.

    All is swept in float64, whatever the loop computes in.

    Args:
        config: What the capture was made with.
        taken: The training step.

    Raises:
        ShapeError: A tensor is missing, or does not fit the configuration.
        UnknownNameError: A weight that the network lacks.
    """
    return Look(config, taken).frame


class Look:
    """One training step elsewhere, swept back.

    Attributes:
        frame: What is recorded.
        parameter_gradients: ∂L/∂P by the names that were taken, which is what the loop's own
            backward leaves in `.grad`.
    """

    @on_one_thread
    def __init__(self, config: CaptureConfig, taken: Taken) -> None:
        """Check, sweep every length, and put together."""
        model = config.model
        cell = model.make_cell()
        require_fit(taken, config, cell.state_names)
        given = _weights(config, taken, cell)
        network = Network(
            cell,
            inputs=config.task.inputs,
            hidden=model.hidden_size,
            layers=model.layers,
            outputs=0,
            bias=model.bias,
            bidirectional=model.bidirectional,
            dtype=np.float64,
        )
        given.load(network)
        recorded = layouts(config)
        # Weights of a diverging run overflow on the way: what comes out is recorded as it is.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            groups = _groups(network, taken, recorded, config.task.length)
            network.gradient[...] = np.sum([group.gradient for group in groups], axis=0)
            self.parameter_gradients = given.gradients(network)
            arrays = merged(groups, recorded, config.task.length)
            arrays |= self._of_parameters(network, recorded)
            kept = {
                n: stored_row(arrays[n], each) for n, each in recorded.items() if not each.per_step
            }
        losses = np.asarray(taken.losses, np.float64)
        self.frame = Frame(
            step=taken.step,
            arrays=kept,
            series={"loss": losses} if len(losses) else {},
            series_start=taken.step + 1 - len(losses),
            diverged=bool(len(losses)) and not math.isfinite(losses[-1]),
            length=int(taken.sequence_lengths().max()),
        )

    def _of_parameters(self, network: Network, recorded: dict[str, Layout]) -> dict[str, Array]:
        """Return norms of the gradients: of the whole, and of each parameter as runs name them."""
        own = {name: value for name, value in network.gradients().items() if name not in READOUT}
        names = recorded["parameter_gradient_norm"].coords["parameter"]
        norms = np.array([_norm(own[str(name)]) for name in names])
        whole = math.hypot(*(_norm(value) for value in self.parameter_gradients.values()))
        return {
            "gradient_norm": np.log10(np.array(whole)),
            "parameter_gradient_norm": np.log10(norms),
        }


def _weights(config: CaptureConfig, taken: Taken, cell: Cell) -> GivenParameters:
    """Return the weights that were taken, of the sizes that the configuration says."""
    given = GivenParameters(taken.weights, cell)
    model = config.model
    for what, found, wanted in (
        ("layers", given.layers, model.layers),
        ("hidden units", given.hidden, model.hidden_size),
        ("bias", given.bias, model.bias),
        ("two directions", given.bidirectional, model.bidirectional),
    ):
        if found != wanted:
            raise ShapeError(f"weights: expected {what} {wanted}, got {found}")
    if given.has_readout:
        raise ShapeError("weights: expected those of the recurrent layers alone, got a read-out")
    return given


def _groups(
    network: Network, taken: Taken, recorded: dict[str, Layout], length: int
) -> list[Swept]:
    lengths = taken.sequence_lengths()
    matrix = recorded.get("loss_state_gradient") or recorded.get("path_gradient")
    asked = range(1, length + 1) if matrix is None else matrix.coords["loss_time"]
    times = tuple(int(time) for time in asked)
    return [
        sweep_group(network, taken, np.flatnonzero(lengths == each), times)
        for each in np.unique(lengths)
    ]


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))
