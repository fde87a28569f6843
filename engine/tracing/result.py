"""What a traced sweep found."""

import math
from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from engine.arrays import Array, BoolArray
from engine.blas import on_one_thread
from engine.bptt.exponents import LARGEST_SHIFT
from engine.bptt.immediate import immediates
from engine.bptt.observation import Observation
from engine.bptt.readout import Loss
from engine.bptt.sources import Source
from engine.bptt.stack import Visit
from engine.bptt.sweep import Sweep
from engine.errors import ShapeError, UnknownNameError
from engine.statistics import STATISTICS
from engine.tasks.base import Batch
from engine.tracing.chain import Chain
from engine.tracing.chain_maker import ChainMaker
from engine.tracing.parameters import GivenParameters
from engine.tracing.path_terms import PathTerms
from engine.tracing.scaled import ScaledGradient

State = Array | tuple[Array, ...]

OF_A_LOSS = ("loss", "accuracy", "gradient_norm", "parameter_gradient_norm")
"""Statistics of the batch's loss and its gradient; the norms are those of L, as in a training."""

LARGEST_ANSWER = 50_000_000
"""Numbers (400 MB) above which the full matrices of vectors are refused."""


class Trace:
    """What one sweep found. Made by `trace`."""

    def __init__(
        self,
        sweep: Sweep,
        batch: Batch,
        scalar: Loss,
        given: GivenParameters,
        top: Source,
        final: Mapping[str, Array],
    ) -> None:
        """Hold a finished sweep."""
        self._final = final
        self._sweep, self._batch, self._scalar, self._given = sweep, batch, scalar, given
        self._top = top
        self._statistics: dict[str, Array] = {}
        self.parameter_gradients = given.gradients(sweep.network)

    @property
    def loss(self) -> float | None:
        """L; None where there are no targets."""
        return self._scalar.value if self._has_loss else None

    @property
    def _has_loss(self) -> bool:
        return bool(self._batch.mask.any())

    @cached_property
    @on_one_thread
    def outputs(self) -> Array:
        """Logits y (T, B, K), or without a read-out the top layer's outputs (T, B, H)."""
        states = self._sweep.top_outputs[1:]
        found = self._sweep.readout.outputs(states) if self._given.has_readout else states.copy()
        return found.transpose(0, 2, 1)

    @cached_property
    def _observation(self) -> Observation:
        return Observation.of_sweep(self._sweep, self._batch)

    @property
    def _width(self) -> int:
        """H, or 2H where the state has two parts that are no output."""
        cell = self._sweep.network.cell
        return max(1, len(cell.own_adjoints)) * self._sweep.network.hidden

    @property
    def hidden(self) -> Array:
        """States h_t, (S, T, B, H), t = 1 … T; of `lru` re and im side by side, (S, T, B, 2H)."""
        return self._observation.hidden

    @cached_property
    def hidden_gradient(self) -> ScaledGradient:
        """∂L/∂h_t along all paths."""
        layers = self._sweep.backward_layers
        entries = [layer.entries for layer in layers if layer.entries is not None]
        if entries:  # units that never mix: an exponent for every entry
            values = self._sweep.in_time(each.values.transpose(0, 2, 1) for each in entries)
            exponents = self._sweep.in_time(each.exponents.transpose(0, 2, 1) for each in entries)
            return ScaledGradient(values, exponents, self._scalar.scale)
        values = self._sweep.in_time(layer.state_adjoints.transpose(0, 2, 1) for layer in layers)
        exponents = self._sweep.in_time(layer.state_exponents for layer in layers)
        return ScaledGradient(values, exponents, self._scalar.scale)

    @cached_property
    @on_one_thread
    def immediate_gradient(self) -> ScaledGradient:
        """∂L_t/∂h_t through the layers above at that time step alone."""
        sweep = self._sweep
        width = self._width
        values = np.zeros((len(sweep.tapes), sweep.length, sweep.batch, width))
        exponents = np.zeros(values.shape[:3], np.int32)
        for part in immediates(sweep.tapes, self._top, sweep.network):
            rows = slice(part.start, part.start + len(part.values))
            values[part.layer, rows] = part.values.transpose(0, 2, 1)
            exponents[part.layer, rows] = part.exponents
        return ScaledGradient(values, exponents, self._scalar.scale)

    @cached_property
    def input_gradients(self) -> Array:
        """∂L/∂x_t, (T, B, D)."""
        dense = self._sweep.input_source
        exponents = np.maximum(dense.exponents[1:], -LARGEST_SHIFT)[:, None, :]
        with np.errstate(over="ignore", under="ignore"):
            plain = np.ldexp(dense.array[1:] * self._scalar.scale, exponents)
        gradients: Array = plain.transpose(0, 2, 1)
        return gradients

    @cached_property
    def initial_state_gradient(self) -> State:
        """∂L/∂ of the initial state: h (S, B, H), or a tuple of all the cell's states, (h, c)."""
        parts = [
            np.stack([self._initial(index, name) for index in range(len(self._sweep.tapes))])
            for name in self._sweep.network.cell.state_names
        ]
        return parts[0] if len(parts) == 1 else tuple(parts)

    def _initial(self, index: int, name: str) -> Array:
        back, tape = self._sweep.backward_layers[index], self._sweep.tapes[index]
        if name == "h" and tape.cell.output != "h":
            slope = np.empty_like(tape.outputs[0])
            tape.cell.activation.slope_of_value(tape.outputs[0], slope)
            stored, exponents = back.adjoints[0] * slope, back.row_exponents[0]
        else:
            stored, exponents = back.initial(name)
        exponents = np.maximum(exponents, -LARGEST_SHIFT)
        with np.errstate(over="ignore", under="ignore"):
            plain: Array = np.ldexp(stored * self._scalar.scale, exponents).T
        # An output so old that it is an initial state is a final one too.
        steps = int(name.removeprefix("h_")) if name.startswith("h_") else 0
        same = self._final.get(f"h_{self._sweep.length + steps}") if name[0] == "h" else None
        return plain if same is None else plain + same[index]

    @on_one_thread
    def loss_state_gradients(self) -> Array:
        """Return ∂L_t/∂h_k, (S, T, T, B, H): loss time t, then state time k.

        NaN where it is not defined: for k > t, of a layer that reads backwards for k < t.

        Raises:
            ShapeError: The answer would hold more than LARGEST_ANSWER numbers.
        """
        sweep = self._sweep
        shape = (
            len(sweep.tapes), sweep.length, sweep.length, sweep.batch, self._width
        )  # fmt: skip
        _refuse_above("loss_state_gradients", shape)
        found = np.zeros(shape)

        def keep(visit: Visit) -> None:
            tape = sweep.tapes[visit.layer]
            own = tape.cell.own_adjoints
            stored = (
                visit.deltas[:, tape.delta_rows.span(own[0], own[-1])] if own else visit.incoming
            )
            exponents = np.maximum(visit.exponents, -LARGEST_SHIFT)[:, None, :]
            plain = np.ldexp(stored * self._scalar.scale, exponents).transpose(0, 2, 1)
            found[visit.layer, visit.losses, visit.time - 1] = plain

        self._visit(keep)
        found[~self.state_defined] = np.nan  # not defined, no zero
        return found

    @property
    def state_defined(self) -> BoolArray:
        """Which states the loss at a time may depend on, (S, T, T): loss time, state time."""
        times = range(1, self._sweep.length + 1)
        return self._sweep.network.defined(times, self._sweep.length)

    def _visit(self, visitor: Callable[[Visit], None]) -> None:
        sweep = self._sweep
        rows = range(1, sweep.length + 1)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for _ in sweep.stack(sweep.length).run(self._top, rows, visitor):
                pass

    @on_one_thread
    def path_terms(self, parameter: str) -> Array:
        """Return A_{t,k}(P), the terms of the sums over paths, (T, T, *shape of P).

        The term of loss time t and state time k is λ_{t,k} · ∂⁺s_k/∂P, summed over samples with
        the weights of L: over k they sum to ∂L_t/∂P, over both to ∂L/∂P. The read-out's
        parameters have k = t alone. Where W_h is a function of the parameter, P is W_h.

        Args:
            parameter: A name of `parameter_gradients`.

        Raises:
            UnknownNameError: No such parameter.
            ShapeError: The answer would hold more than LARGEST_ANSWER numbers.
        """
        if parameter not in self.parameter_gradients:
            raise UnknownNameError("parameter", parameter, self.parameter_gradients)
        T = self._sweep.length
        shape = (T, T, *self.parameter_gradients[parameter].shape)
        _refuse_above("path_terms", shape)
        terms = PathTerms(self._sweep, parameter, self._scalar.scale, np.zeros(shape))
        if terms.of_readout:
            return terms.at_loss_times()
        terms.pieces = self._given.pieces(self._sweep.network, parameter)
        self._visit(terms.add)
        return terms.found

    @on_one_thread
    def chain(
        self, loss_time: int, state_time: int, parameter: str, *, sample: int | None = None
    ) -> Chain:
        """Take one path term apart: from the loss at t over every step back to k to a parameter.

        Args:
            loss_time: t, 1 … T.
            state_time: k, 1 … t; of a layer that reads backwards t … T.
            parameter: A name of the catalog.
            sample: One sample alone, from 0; the mean over all where None.

        Raises:
            UnknownNameError: No such parameter.
            ShapeError: There are no targets.
            ConfigError: A time or a sample that is not there, or too many steps at once.
        """
        return ChainMaker(
            sweep=self._sweep,
            batch=self._batch,
            loss_time=loss_time,
            state_time=state_time,
            parameter=parameter,
            sample=sample,
        ).make()

    @on_one_thread
    def statistic(self, name: str) -> Array:
        """Return a statistic of this sweep as its definition states it, without the step axis.

        Args:
            name: A statistic that is read from a sweep.

        Raises:
            UnknownNameError: No statistic has that name, or it belongs to a training.
        """
        if name not in self._statistics:
            of_sweeps = {key: entry.compute for key, entry in STATISTICS.items() if entry.compute}
            known = [*OF_A_LOSS, *of_sweeps]
            if name not in known:
                raise UnknownNameError("statistic of a sweep", name, known)
            compute = of_sweeps.get(name)
            self._statistics[name] = (
                self._of_loss(name) if compute is None else compute(self._observation)
            )
        return self._statistics[name]

    def _of_loss(self, name: str) -> Array:
        """Return one of OF_A_LOSS: what a training records of its own batch at every step."""
        norms = [float(np.linalg.norm(g)) for g in self.parameter_gradients.values()]
        values = {
            "loss": self.loss,
            "accuracy": self._scalar.accuracy,
            "gradient_norm": math.hypot(*norms),
            "parameter_gradient_norm": norms,
        }
        found = np.array(np.nan if values[name] is None else values[name], np.float64)
        with np.errstate(divide="ignore"):
            return np.log10(found) if STATISTICS[name].scale == "log10" else found


def _refuse_above(what: str, shape: tuple[int, ...]) -> None:
    count = int(np.prod(shape))
    if count > LARGEST_ANSWER:
        raise ShapeError(f"{what}: {count} numbers, at most {LARGEST_ANSWER} are made")
