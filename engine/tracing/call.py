"""The call that traces: check what was given, sweep forward and back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.arrays import Array, BoolArray, require_shape
from engine.blas import on_one_thread
from engine.bptt.network import Network
from engine.bptt.readout import Loss
from engine.bptt.sweep import Sweep
from engine.cells import make_cell
from engine.errors import ShapeError, UnknownNameError
from engine.parameter_names import READOUT_WEIGHT
from engine.tasks.base import Batch
from engine.tasks.losses import LOSSES
from engine.tracing.parameters import GivenParameters
from engine.tracing.result import State, Trace

NO_WINDOW = "expected null where layers read the sequence both ways"
INPUT_AXES = ("T", "B", "D")
REDUCTIONS = ("mean", "sum")


@on_one_thread
def trace(  # noqa: PLR0913  (the public signature)
    cell: str,
    parameters: Mapping[str, ArrayLike],
    inputs: ArrayLike,
    *,
    targets: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    loss: Literal["cross_entropy", "mean_squared_error"] = "cross_entropy",
    reduction: Literal["mean", "sum"] = "mean",
    output_gradients: ArrayLike | None = None,
    final_state_gradients: State | None = None,
    initial_state: State | None = None,
    truncation: int | None = None,
    options: Mapping[str, Any] | None = None,
    statistics: Iterable[str] | None = None,
) -> Trace:
    """Sweep once forward and back with given weights.

    The trace's attributes are of the scalar L, so they equal an autograd's `.grad`. Its
    `statistic(name)` is per sample, so that it does not depend on the batch size: with
    `reduction="mean"` it is made of B times the attribute, with "sum" of the attribute itself.

    Args:
        cell: A catalog name.
        parameters: PyTorch's names: weight_ih_l0, weight_hh_l0, bias_ih_l0, … and, where there
            are targets, readout.weight and readout.bias. A bias_hh that is given is added.
            With weight_ih_l0_reverse, … the layers read the sequence both ways, and S counts the
            entries of the layer axis, 0, 0r, 1, 1r, …, as PyTorch orders its states.
        inputs: x, (T, B, D).
        targets: Class numbers (T, B) for cross_entropy, values (T, B, K) for
            mean_squared_error.
        mask: m, (T, B), which targets are asked; None for all.
        loss: Raw loss of a step.
        reduction: L = Σ m e / M, or Σ m e; beside `output_gradients`, which of the two their
            scalar was.
        output_gradients: ∂L/∂outputs, (T, B, K) or without a read-out (T, B, H), in two
            directions (T, B, 2H), in place of targets.
        final_state_gradients: ∂L/∂ of the final state, added; h (S, B, H), or where the cell
            has several states all of them, (h, c).
        initial_state: h or (h, c) likewise; zeros where None.
        truncation: w: no gradient goes on through t = w, 2w, …; None for all the way.
        options: `activation`, `layer_skips`, and the cell's own.
        statistics: Names to compute at once; others are computed when asked for.

    Returns:
        The trace.

    Raises:
        UnknownNameError: An unknown cell, parameter, loss, reduction or statistic.
        ConfigError: An option that the cell has not, or a value that it cannot have.
        ShapeError: An array of the wrong shape or of no entries, targets that are no class
            numbers, neither targets nor gradients, or a window of no step.
    """
    own = dict(options or {})
    activation, skips = own.pop("activation", None), bool(own.pop("layer_skips", False))
    bound = make_cell(cell, activation, own)
    xs = _inputs(inputs)
    if reduction not in REDUCTIONS:
        raise UnknownNameError("reduction", reduction, REDUCTIONS)
    given = GivenParameters(parameters, bound)
    network = Network(
        bound,
        inputs=xs.shape[2],
        hidden=given.hidden,
        layers=given.layers,
        outputs=given.outputs,
        bias=given.bias,
        bidirectional=given.bidirectional,
        layer_skips=skips,
        dtype=np.float64,
    )
    given.load(network)
    T, B, _ = xs.shape
    if truncation is not None and truncation < 1:
        raise ShapeError(f"truncation: expected at least 1 step, got {truncation}")
    sweep = Sweep(network, length=T, batch=B, window=truncation)
    if truncation is not None and given.bidirectional:
        raise ShapeError(f"truncation: {NO_WINDOW}, got {truncation}")
    state_shape = (len(network.layers), B, given.hidden)
    sweep.unroll(xs, _state("initial_state", initial_state, bound.state_names, state_shape))
    final = _state("final_state_gradients", final_state_gradients, bound.state_names, state_shape)
    if targets is None and output_gradients is None and not final:
        raise ShapeError("expected targets, output_gradients or final_state_gradients, got none")
    if targets is not None and output_gradients is not None:
        raise ShapeError("expected targets or output_gradients, got both")
    if targets is not None:
        batch = _batch(xs, targets, mask, loss, given)
        scalar = sweep.forward_loss(batch, loss, reduction)
    else:
        batch = Batch(xs, np.zeros((T, B)), np.zeros((T, B), bool))
        sample_scale = float(B) if reduction == "mean" else 1.0
        scalar = sweep.loss = Loss(float("nan"), None, 1.0, sample_scale)
        _inject(sweep, output_gradients, given)
    sweep.keep_carried()
    top = sweep.back_with_finals(final)
    found = Trace(sweep, batch, scalar, given, top, final)
    for name in statistics or ():
        found.statistic(name)
    return found


def _inputs(inputs: ArrayLike) -> Array:
    xs = np.asarray(inputs, np.float64)
    if xs.ndim != len(INPUT_AXES) or not xs.size:
        wanted = ", ".join(INPUT_AXES)
        raise ShapeError(f"inputs: expected shape ({wanted}), each at least 1, got {xs.shape}")
    return xs


def _batch(
    xs: Array, targets: ArrayLike, mask: ArrayLike | None, loss: str, given: GivenParameters
) -> Batch:
    T, B, _ = xs.shape
    if loss not in LOSSES:
        raise UnknownNameError("loss", loss, LOSSES)
    if not given.has_readout:
        raise ShapeError(f"{READOUT_WEIGHT}: expected with targets, got none")
    classes = loss == "cross_entropy"
    wanted: NDArray[Any] = np.asarray(targets, None if classes else np.float64)
    require_shape("targets", wanted, (T, B) if classes else (T, B, given.outputs))
    asked: BoolArray = np.ones((T, B), bool) if mask is None else np.asarray(mask).astype(bool)
    require_shape("mask", asked, (T, B))
    if not asked.any():
        raise ShapeError("mask: expected at least one asked step, got none")
    if classes:
        wanted = _classes(wanted, asked, given.outputs)
    return Batch(xs, wanted, asked)


def _classes(targets: NDArray[Any], asked: BoolArray, count: int) -> NDArray[np.int64]:
    """Return class numbers (T, B); what is not asked may be anything, and becomes 0.

    Raises:
        ShapeError: An asked one is no whole number in 0 … count − 1.
    """
    expected = f"targets: expected class numbers in 0 … {count - 1}"
    if targets.dtype.kind not in "biuf":
        raise ShapeError(f"{expected}, got {targets.dtype}")
    found = np.where(asked, targets, 0)
    wrong = found[~((found >= 0) & (found < count) & (found == np.floor(found)))]
    if wrong.size:
        raise ShapeError(f"{expected}, got {wrong[0]}")
    return found.astype(np.int64)


def _inject(sweep: Sweep, gradients: ArrayLike | None, given: GivenParameters) -> None:
    """Put ∂L/∂outputs in the place of a loss."""
    T, B = sweep.length, sweep.batch
    width = given.outputs if given.has_readout else sweep.network.width
    wanted = np.zeros((T, B, width)) if gradients is None else np.asarray(gradients, np.float64)
    require_shape("output_gradients", wanted, (T, B, width))
    states = sweep.top_outputs[1:]
    sweep.readout.inject(states, np.ascontiguousarray(wanted.transpose(0, 2, 1)))


def _state(
    name: str, state: State | None, states: Sequence[str], shape: tuple[int, ...]
) -> dict[str, Array]:
    if state is None:
        return {}
    parts = state if isinstance(state, tuple) else (state,)
    if len(parts) > len(states):
        raise ShapeError(f"{name}: expected {' and '.join(states)}, got {len(parts)} arrays")
    found: dict[str, Array] = {}
    for part, array in zip(states, parts, strict=False):
        found[part] = np.asarray(array, np.float64)
        require_shape(f"{name} {part}", found[part], shape)
    return found
