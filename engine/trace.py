"""One sweep with weights and arrays of the caller's own, in float64, without training.

    trace = engine.trace("lstm", parameters, inputs, targets=targets)
    trace.parameter_gradients["weight_hh_l0"]      what autograd leaves in .grad
    trace.hidden_gradient.log10_norm()             log10 ‖∂L/∂h_t‖, never underflowing

Parameters have PyTorch's names and layout. The attributes belong to the scalar loss L (or to the
scalar whose gradients were put in), so they equal autograd's; `statistic` is per sample.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.arrays import Array, BoolArray, IntArray, require_shape
from engine.bptt.exponents import log10_norms
from engine.bptt.immediate import immediates
from engine.bptt.network import READOUT_BIAS, READOUT_WEIGHT, Network
from engine.bptt.observation import Observation
from engine.bptt.readout import Loss
from engine.bptt.sources import Source
from engine.bptt.stack import Stack, Visit
from engine.bptt.sweep import Sweep
from engine.cells import CELLS, make_cell
from engine.errors import ShapeError, UnknownNameError
from engine.statistics import STATISTICS
from engine.tasks.base import Batch
from engine.tasks.losses import LOSSES

State = Array | tuple[Array, ...]

LARGEST_ANSWER = 50_000_000
"""Numbers (400 MB) above which the full matrices of vectors are refused."""


class ScaledGradient:
    """Gradients of any magnitude, stored as values · 2^exponents.

    Attributes:
        values: (S, T, B, H).
        exponents: (S, T, B).
    """

    def __init__(self, values: Array, exponents: IntArray, scale: float) -> None:
        """Keep gradients of Σ m e that are `scale` times as large for L."""
        self.values, self.exponents = values * scale, exponents

    def array(self) -> Array:
        """Return the gradients, (S, T, B, H); what does not fit float64 is 0 or infinite."""
        with np.errstate(over="ignore", under="ignore"):
            plain: Array = np.ldexp(self.values, np.maximum(self.exponents, -4096)[..., None])
        return plain

    def log10_norm(self) -> Array:
        """Return log10 of the norm of every gradient, (S, T, B); −inf is an exact zero."""
        largest = np.abs(self.values).max(axis=-1, keepdims=True)
        safe = np.where((largest > 0) & np.isfinite(largest), largest, 1)
        scaled = self.values / safe
        logs = log10_norms(np.einsum("stbh,stbh->stb", scaled, scaled), self.exponents)
        return logs + np.log10(safe[..., 0])


class Trace:
    """What one sweep found. Made by `trace`."""

    def __init__(
        self, sweep: Sweep, batch: Batch, scalar: Loss, given: "_Parameters", top: Source
    ) -> None:
        """Hold a finished sweep."""
        self._sweep, self._batch, self._scalar, self._given = sweep, batch, scalar, given
        self._top = top
        self.parameter_gradients = given.gradients(sweep.network)

    @property
    def loss(self) -> float | None:
        """L; None where there are no targets."""
        return None if np.isnan(self._scalar.scale) or not self._has_loss else self._scalar.value

    @property
    def _has_loss(self) -> bool:
        return bool(self._batch.mask.any())

    @cached_property
    def outputs(self) -> Array:
        """Logits y (T, B, K), or without a read-out the top layer's outputs (T, B, H)."""
        states = self._sweep.layer_outputs(len(self._sweep.tapes) - 1)[1:]
        found = self._sweep.readout.outputs(states) if self._given.has_readout else states.copy()
        return found.transpose(0, 2, 1)

    @cached_property
    def _observation(self) -> Observation:
        return Observation.of_sweep(self._sweep, self._batch)

    @property
    def hidden(self) -> Array:
        """States h_t, (S, T, B, H), t = 1 … T."""
        return self._observation.hidden

    @cached_property
    def hidden_gradient(self) -> ScaledGradient:
        """∂L/∂h_t along all paths."""
        layers = self._sweep.backward_layers
        values = np.stack([layer.state_adjoints.transpose(0, 2, 1) for layer in layers])
        exponents = np.stack([layer.state_exponents for layer in layers])
        return ScaledGradient(values, exponents, self._scalar.scale)

    @cached_property
    def immediate_gradient(self) -> ScaledGradient:
        """∂L_t/∂h_t through the layers above at that time step alone."""
        sweep = self._sweep
        values = np.zeros((len(sweep.tapes), sweep.length, sweep.batch, sweep.network.hidden))
        exponents = np.zeros(values.shape[:3], np.int32)
        for part in immediates(sweep.tapes, self._top, sweep.network.skips):
            rows = slice(part.start, part.start + len(part.values))
            values[part.layer, rows] = part.values.transpose(0, 2, 1)
            exponents[part.layer, rows] = part.exponents
        return ScaledGradient(values, exponents, self._scalar.scale)

    @cached_property
    def input_gradients(self) -> Array:
        """∂L/∂x_t, (T, B, D)."""
        dense = self._sweep.input_source
        exponents = np.maximum(dense.exponents[1:], -4096)[:, None, :]
        with np.errstate(over="ignore", under="ignore"):
            plain = np.ldexp(dense.array[1:] * self._scalar.scale, exponents)
        gradients: Array = plain.transpose(0, 2, 1)
        return gradients

    @cached_property
    def initial_state_gradient(self) -> State:
        """∂L/∂ of the initial state: h (S, B, H), or the tuple (h, c) for a cell with two."""
        parts = [
            np.stack([self._initial(index, name) for index in range(len(self._sweep.tapes))])
            for name in self._sweep.network.cell.states
        ]
        return parts[0] if len(parts) == 1 else tuple(parts)

    def _initial(self, index: int, name: str) -> Array:
        back, tape = self._sweep.backward_layers[index], self._sweep.tapes[index]
        if name == "h":
            stored = back.adjoints[0]
            if tape.cell.output != "h":
                slope = np.empty_like(tape.outputs[0])
                tape.cell.activation.slope_of_value(tape.outputs[0], slope)
                stored = stored * slope
        else:
            stored = tape.delta_rows.view(tape.deltas[0], name)
        exponents = np.maximum(back.row_exponents[0], -4096)
        with np.errstate(over="ignore", under="ignore"):
            plain: Array = np.ldexp(stored * self._scalar.scale, exponents).T
        return plain

    def _stack(self) -> Stack:
        sweep = self._sweep
        rows = range(1, sweep.length + 1)
        return Stack(sweep.tapes, self._top, sweep.network.skips, rows)

    def loss_state_gradients(self) -> Array:
        """Return ∂L_t/∂h_k, (S, T, T, B, H): loss time t, then state time k; NaN for k > t.

        Raises:
            ShapeError: The answer would hold more than LARGEST_ANSWER numbers.
        """
        sweep = self._sweep
        shape = (
            len(sweep.tapes), sweep.length, sweep.length, sweep.batch, sweep.network.hidden
        )  # fmt: skip
        _refuse_above("loss_state_gradients", shape)
        found = np.zeros(shape)

        def keep(visit: Visit) -> None:
            tape = sweep.tapes[visit.layer]
            state = tape.cell.state_delta
            stored = visit.incoming if state is None else tape.delta_rows.view(visit.deltas, state)
            exponents = np.maximum(visit.exponents, -4096)[:, None, :]
            plain = np.ldexp(stored * self._scalar.scale, exponents).transpose(0, 2, 1)
            times = self._times(visit)
            found[visit.layer, times, visit.row - 1] = plain

        self._visit(keep)
        times = np.arange(sweep.length)
        found[:, times[None, :] > times[:, None]] = np.nan  # not defined, no zero
        return found

    def _times(self, visit: Visit) -> IntArray:
        """Return the loss times (0-based) of a visit's rows: the block's, last first."""
        stop = min(visit.first + self._block, self._sweep.length)
        return np.arange(stop - 1, stop - 1 - len(visit.incoming), -1)

    def _visit(self, visitor: Any) -> None:  # noqa: ANN401  (a closure over a result)
        stack = self._stack()
        self._block = len(stack.layers[0].incoming)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for _ in stack.run(visitor):
                pass

    def path_terms(self, parameter: str) -> Array:
        """Return A_{t,k}(P), the terms of the sums over paths, (T, T, *shape of P).

        The term of loss time t and state time k is λ_{t,k} · ∂⁺s_k/∂P, summed over samples with
        the weights of L: over k they sum to ∂L_t/∂P, over both to ∂L/∂P. The read-out's
        parameters have k = t alone.

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
        found = np.zeros(shape)
        if parameter in (READOUT_WEIGHT, READOUT_BIAS):
            self._readout_terms(parameter, found)
            return found
        layer = int(parameter.rpartition("_l")[2])
        tape = self._sweep.tapes[layer]
        pieces = self._given.pieces(self._sweep.network, parameter)

        def add(visit: Visit) -> None:
            if visit.layer != layer:
                return
            exponents = np.maximum(visit.exponents, -4096)[:, None, :]
            deltas = np.ldexp(visit.deltas * self._scalar.scale, exponents)
            times = self._times(visit)
            read = tape.inputs[visit.row - 1]
            for rows, product, out, columns in pieces:
                weights = tape.weights.products[product]
                back = weights.product.back
                span = tape.delta_rows.span(back[0], back[-1])
                seen = read[tape.weights.hidden - weights.hidden :][columns]
                returned = deltas[:, span][:, out]
                found[times, visit.row - 1, rows] = (
                    returned @ seen if seen.ndim == 1 else returned @ seen.T
                )

        self._visit(add)
        return found

    def _readout_terms(self, parameter: str, found: Array) -> None:
        readout = self._sweep.readout
        states = self._sweep.layer_outputs(len(self._sweep.tapes) - 1)
        for row, dy in zip(readout.rows, readout.dy * self._scalar.scale, strict=True):
            term = dy @ states[row].T if parameter == READOUT_WEIGHT else dy.sum(axis=1)
            found[row - 1, row - 1] = term

    def statistic(self, name: str) -> Array:
        """Return a statistic of this sweep as its definition states it, without the step axis.

        Args:
            name: A statistic that is read from a sweep.

        Raises:
            UnknownNameError: No statistic has that name, or it belongs to a training.
        """
        of_sweeps = {key: entry for key, entry in STATISTICS.items() if entry.compute is not None}
        compute = of_sweeps[name].compute if name in of_sweeps else None
        if compute is None:
            raise UnknownNameError("statistic of a sweep", name, of_sweeps)
        return compute(self._observation)


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
    options: Mapping[str, Any] | None = None,
    statistics: Iterable[str] | None = None,
) -> Trace:
    """Sweep once forward and back with given weights.

    Args:
        cell: A catalog name.
        parameters: PyTorch's names: weight_ih_l0, weight_hh_l0, bias_ih_l0, … and, where there
            are targets, readout.weight and readout.bias. A bias_hh that is given is added.
        inputs: x, (T, B, D).
        targets: Class numbers (T, B) for cross_entropy, values (T, B, K) for
            mean_squared_error.
        mask: m, (T, B), which targets are asked; None for all.
        loss: Raw loss of a step.
        reduction: L = Σ m e / M, or Σ m e.
        output_gradients: ∂L/∂outputs, (T, B, K) or without a read-out (T, B, H), in place of
            targets.
        final_state_gradients: ∂L/∂ of the final state, added; h (S, B, H) or (h, c).
        initial_state: h (S, B, H) or (h, c); zeros where None.
        options: `activation`, `layer_skips`, and the cell's own.
        statistics: Names to compute at once; others are computed when asked for.

    Returns:
        The trace.

    Raises:
        UnknownNameError: An unknown cell, parameter, loss or statistic.
        ShapeError: An array of the wrong shape, or neither targets nor gradients.
    """
    own = dict(options or {})
    activation, skips = own.pop("activation", None), bool(own.pop("layer_skips", False))
    bound = make_cell(cell, activation, own)
    xs = np.asarray(inputs, np.float64)
    require_shape("inputs", xs, (None, None, None))
    given = _Parameters(parameters, len(CELLS[cell].gates), cell)
    network = Network(
        bound,
        inputs=xs.shape[2],
        hidden=given.hidden,
        layers=given.layers,
        outputs=given.outputs,
        bias=given.bias,
        layer_skips=skips,
        dtype=np.float64,
    )
    given.load(network)
    T, B, _ = xs.shape
    sweep = Sweep(network, length=T, batch=B)
    state_shape = (given.layers, B, given.hidden)
    sweep.unroll(xs, _state("initial_state", initial_state, bound.states, state_shape))
    final = _state("final_state_gradients", final_state_gradients, bound.states, state_shape)
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
    top = sweep.back_with_finals(final)
    found = Trace(sweep, batch, scalar, given, top)
    for name in statistics or ():
        found.statistic(name)
    return found


def _batch(
    xs: Array, targets: ArrayLike, mask: ArrayLike | None, loss: str, given: "_Parameters"
) -> Batch:
    T, B, _ = xs.shape
    if loss not in LOSSES:
        raise UnknownNameError("loss", loss, LOSSES)
    if not given.has_readout:
        raise ShapeError(f"{READOUT_WEIGHT}: expected with targets, got none")
    classes = loss == "cross_entropy"
    wanted: NDArray[Any] = np.asarray(targets, None if classes else np.float64)
    require_shape("targets", wanted, (T, B) if classes else (T, B, given.outputs))
    if classes:
        wanted = wanted.astype(np.int64)
    asked: BoolArray = np.ones((T, B), bool) if mask is None else np.asarray(mask).astype(bool)
    require_shape("mask", asked, (T, B))
    if not asked.any():
        raise ShapeError("mask: expected at least one asked step, got none")
    if classes and (wanted[asked].min() < 0 or wanted[asked].max() >= given.outputs):
        raise ShapeError(f"targets: expected class numbers in 0 … {given.outputs - 1}")
    return Batch(xs, wanted, asked)


def _inject(sweep: Sweep, gradients: ArrayLike | None, given: "_Parameters") -> None:
    """Put ∂L/∂outputs in the place of a loss."""
    T, B = sweep.length, sweep.batch
    width = given.outputs if given.has_readout else given.hidden
    wanted = np.zeros((T, B, width)) if gradients is None else np.asarray(gradients, np.float64)
    require_shape("output_gradients", wanted, (T, B, width))
    states = sweep.layer_outputs(len(sweep.tapes) - 1)[1:]
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


def _refuse_above(what: str, shape: tuple[int, ...]) -> None:
    count = int(np.prod(shape))
    if count > LARGEST_ANSWER:
        raise ShapeError(f"{what}: {count} numbers, at most {LARGEST_ANSWER} are made")


class _Parameters:
    """The caller's parameters: sizes, and the second biases that PyTorch's modules carry."""

    def __init__(self, parameters: Mapping[str, ArrayLike], gates: int, cell: str) -> None:
        self.given = {name: np.asarray(value, np.float64) for name, value in parameters.items()}
        recurrent = [name for name in self.given if name.startswith("weight_hh_l")]
        self.layers = len(recurrent)
        if "weight_hh_l0" not in self.given:
            raise ShapeError("weight_hh_l0: expected among the parameters, got none")
        self.hidden = int(self.given["weight_hh_l0"].shape[-1])
        self.gates, self.second = gates, cell == "gru"
        self.has_readout = READOUT_WEIGHT in self.given
        self.outputs = self.given[READOUT_WEIGHT].shape[0] if self.has_readout else 0
        self.bias = any("bias" in name for name in self.given)

    def load(self, network: Network) -> None:
        """Set the network's parameters, second biases added where they belong."""
        for name in self.given:
            self._check_name(network, name)
        ready = {name: np.zeros(shape) for name, shape in network.parameter_shapes.items()}
        for name, value in self.given.items():
            layer = name.rpartition("_l")[2]
            if not name.startswith("bias_hh"):
                require_shape(name, value, network.parameter_shapes[name])
                ready[name] += value
                continue
            require_shape(name, value, (self.gates * self.hidden,))
            cut = self._cut()
            ready[f"bias_ih_l{layer}"][:cut] += value[:cut]
            if self.second:
                ready[name][cut:] = value[cut:]
        network.load(ready)

    def _check_name(self, network: Network, name: str) -> None:
        known = set(network.parameter_shapes) | {f"bias_hh_l{s}" for s in range(self.layers)}
        if name not in known:
            raise UnknownNameError("parameter", name, sorted(known))
        for required in network.parameter_shapes:
            if required.startswith("weight") and required not in self.given:
                raise ShapeError(f"{required}: expected among the parameters, got none")

    def _cut(self) -> int:
        """Return how many rows of a bias_hh act as those of b do; b_hn stands by itself."""
        return (self.gates - 1 if self.second else self.gates) * self.hidden

    def gradients(self, network: Network) -> dict[str, Array]:
        """Return the gradient of every parameter that was given."""
        found = network.gradients()
        cut = self._cut()
        for name in self.given:
            if name.startswith("bias_hh"):
                first = found[f"bias_ih_l{name.rpartition('_l')[2]}"]
                rest = found[name][cut:] if self.second else first[cut:]
                found[name] = np.concatenate([first[:cut], rest])
        return {name: found[name] for name in self.given}

    def pieces(self, network: Network, name: str) -> list[tuple[slice, int, slice, slice | int]]:
        """Return (public rows, product, its out rows, its columns) that make up a parameter."""
        layer = network.layers[int(name.rpartition("_l")[2])]
        entries = list(layer.entries.get(name, ()))
        if name.startswith("bias_hh"):
            first = layer.entries[name.replace("hh", "ih")]
            entries = [
                first[gate] if not entries or entries[gate] is None else entries[gate]
                for gate in range(self.gates)
            ]
        H = self.hidden
        return [
            (slice(gate * H, (gate + 1) * H), entry.product, entry.rows, entry.columns)
            for gate, entry in enumerate(entries)
            if entry is not None
        ]
