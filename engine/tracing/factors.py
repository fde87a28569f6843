"""The factors of one path term, sample by sample: arrays (B, out, in).

∂ŷ_i/∂O_j = ŷ_i ([i = j] − ŷ_j) for the softmax, [i = j] for squared errors        (1)
∂ℓ_t/∂ŷ_i = −(B/M) m [i = target]/ŷ_i, or (B/M) m 2 (ŷ_i − target_i)/K             (2)
∂O_t/∂s_t: the unit adjoints of O_t, once back through the layers above            (3)
∂⁺s_k[i]/∂P: the deltas of the unit adjoint e_i at step k times what P multiplied  (4)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Array, BoolArray
from engine.bptt.immediate import once_back
from engine.bptt.jacobians import Jacobians
from engine.bptt.sweep import Sweep
from engine.bptt.tape import LayerTape
from engine.bptt.weight_gradients import diagonal_terms
from engine.tasks.base import Batch
from engine.tracing.parameters import Piece


@dataclass(frozen=True, kw_only=True, slots=True)
class Logits:
    """The read-out and the loss at one time, row by sample.

    Attributes:
        states: What is read out, (B, H).
        logits: O, (B, K).
        targets: Class numbers (B,), or values (B, K).
        weights: What a raw loss counts for in ℓ: (B/M) m, (B,).
        gradient: ∂(Σ m e)/∂O, (B, K).
    """

    states: Array
    logits: Array
    targets: NDArray[np.generic]
    weights: Array
    gradient: Array

    @classmethod
    def of(cls, sweep: Sweep, batch: Batch, time: int) -> "Logits":
        """Read a finished sweep."""
        states = sweep.top_outputs[time : time + 1]
        logits = sweep.readout.outputs(states)[0].T
        mask: BoolArray = batch.mask[time - 1]
        rows = sweep.readout.rows
        gradient = sweep.readout.dy[rows.index(time)].T if time in rows else np.zeros_like(logits)
        return cls(
            states=states[0].T,
            logits=logits,
            targets=batch.targets[time - 1],
            weights=mask * sweep.loss.sample_scale,
            gradient=gradient,
        )

    @property
    def of_classes(self) -> bool:
        """Whether the loss is the cross-entropy of a softmax."""
        return self.targets.ndim == 1

    @property
    def _log_predictions(self) -> Array:
        shifted = self.logits - self.logits.max(axis=1, keepdims=True)
        found: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return found

    @property
    def slope(self) -> Array:
        """∂ŷ_t/∂O_t, (B, K, K)."""
        B, K = self.logits.shape
        if not self.of_classes:
            return np.broadcast_to(np.eye(K), (B, K, K))
        found = np.exp(self._log_predictions)
        jacobian: Array = found[:, :, None] * (np.eye(K) - found[:, None, :])  # (1)
        return jacobian

    def log10_gradient_norms(self) -> Array:
        """Return log10 ‖∂ℓ_t/∂ŷ_t‖, (B,): also where ŷ is too small for a number."""
        if not self.of_classes:
            norms: Array = np.log10(np.linalg.norm(self.gradient_by_prediction(), axis=(1, 2)))
            return norms
        at_target = self._at_target(self._log_predictions)
        return np.asarray(np.log10(self.weights) - at_target / np.log(10.0))

    def gradient_by_prediction(self) -> Array:
        """Return ∂ℓ_t/∂ŷ_t, (B, 1, K); 0 for a sample of which nothing is asked."""
        if not self.of_classes:
            difference = self.logits - self.targets.astype(np.float64)
            found: Array = difference * (2 / difference.shape[1]) * self.weights[:, None]  # (2)
        else:
            found = np.zeros_like(self.logits)
            at_target = np.exp(-self._at_target(self._log_predictions))
            samples = np.arange(len(found))
            found[samples, self.targets.astype(np.int64)] = -self.weights * at_target  # (2)
        found[self.weights == 0] = 0  # a product with 0 would keep infinity's NaN
        return found[:, None, :]

    def _at_target(self, values: Array) -> Array:
        classes = self.targets.astype(np.int64)[:, None]
        found: Array = np.take_along_axis(values, classes, axis=1)[:, 0]
        return found

    def by_parameter(self, is_weight: bool) -> Array:
        """Return ∂O_t/∂W_y, (B, K, K, H), or ∂O_t/∂b_y, (B, K, K)."""
        B, K = self.logits.shape
        if not is_weight:
            return np.broadcast_to(np.eye(K), (B, K, K))
        found: Array = np.eye(K)[None, :, :, None] * self.states[:, None, None, :]
        return found


def immediate_state(sweep: Sweep, layer: int, time: int) -> Array:
    """Return ∂O_t/∂s_t of a layer through those above at t alone, (B, K, n): (3)."""
    network = sweep.network
    weights = network.readout[:, : network.width]
    rows = [_once_down(sweep, layer, time, unit) for unit in weights]
    return np.stack(rows).transpose(2, 0, 1)


def _once_down(sweep: Sweep, layer: int, time: int, unit: Array) -> Array:
    """Return one logit's adjoint of a layer's whole state, (n, B)."""
    arriving = np.repeat(unit[:, None], sweep.batch, axis=1)[np.newaxis]
    network = sweep.network
    for first in range(len(sweep.tapes) - network.directions, layer, -network.directions):
        below = arriving if network.skips[first] else np.zeros(())
        for index in network.level(first):
            tape, own_side = sweep.tapes[index], arriving[:, network.side(index)]
            below = tape.to_inputs(once_back(tape, time - 1, time, own_side)) + below
        arriving = below
    tape, arriving = sweep.tapes[layer], arriving[:, network.side(layer)]
    own = tape.cell.own_adjoints
    if own:
        deltas = once_back(tape, time - 1, time, arriving)
        arriving = deltas[:, tape.delta_rows.span(own[0], own[-1])]
    size = len(tape.cell.state_names) * tape.weights.hidden
    found = np.zeros((size, sweep.batch))
    found[: arriving.shape[1]] = arriving[0]
    return found


def of_parameter(
    tape: LayerTape,
    pieces: Sequence[Piece],
    name: str,
    time: int,
    deltas: Array | None = None,
) -> tuple[Array, Callable[[], Array]]:
    """Return log10 of the Frobenius norms of (4), (B,), and what makes it, (B, n, *shape of P).

    Args:
        tape: The layer's.
        pieces: What makes up the parameter.
        name: The parameter's.
        time: State row of k.
        deltas: Those of other adjoints than the n unit ones, (m, rows, B).
    """
    if deltas is None:
        deltas = Jacobians(tape).unit_deltas(time)
    read = tape.inputs[time - 1]
    rows = max(piece[0].stop for piece in pieces)
    squares = np.zeros(tape.batch)
    made: list[tuple[slice, Array, Array | None]] = []
    for public, product, out, columns in pieces:
        if product == len(tape.weights.products):
            diagonal = tape.cell.diagonals[name.removesuffix(tape.weights.suffix)]
            terms = diagonal_terms(tape, diagonal, deltas, time - 1)
            squares += np.einsum("nhb,nhb->b", terms, terms)
            made.append((public, terms, None))
            continue
        weights = tape.weights.products[product]
        seen = read[tape.read(weights)][columns]
        returned = deltas[:, tape.way_back.through(weights)][:, out]
        of_read = seen * seen if seen.ndim == 1 else np.einsum("cb,cb->b", seen, seen)
        squares += np.einsum("nhb,nhb->b", returned, returned) * of_read
        made.append((public, returned, seen))

    def whole() -> Array:
        first = made[0][2]
        is_matrix = first is not None and first.ndim > 1
        shape = (rows, len(first)) if is_matrix and first is not None else (rows,)
        found = np.zeros((tape.batch, len(deltas), *shape))
        for public, returned, seen in made:
            if seen is None or seen.ndim == 1:
                term = returned if seen is None else returned * seen
                found[:, :, public] += term.transpose(2, 0, 1)
            else:
                found[:, :, public] += np.einsum("nrb,cb->bnrc", returned, seen)
        return found

    return 0.5 * np.log10(squares), whole
