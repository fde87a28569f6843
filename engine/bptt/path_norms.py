"""Norms of the terms of the sums over paths, ‖A_{t,k}(P)‖ for every parameter P.

    A_{t,k}(P) = Σ_b δ_{t,k,b} ⊗ read_{k,b}, up to the loss's scale          (1)

with δ the deltas of the loss at t alone at the step that makes state k, and `read` what P's part
of the product reads there: h_{k−1}, x_k or 1. Its norm needs no matrix of P's size:

    ‖A‖² = Σ_{b,b'} (δ_bᵀ δ_b') (read_bᵀ read_b')                            (2)

two B × B Grams, one of the deltas for all parameters of a product together. Where the samples
cancel, (2) loses what (1) keeps: there (1) itself is formed.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.exponents import LARGEST_SHIFT, LOG10_2, NONE, near_one
from engine.bptt.stack import Visit
from engine.bptt.sweep import Sweep
from engine.bptt.tape import LayerTape
from engine.bptt.weight_gradients import diagonal_terms
from engine.parameter_names import READOUT, READOUT_WEIGHT

CANCELS = 1e-2
"""Share of ‖D‖‖S‖ from which down a sum over samples is formed itself: in float32 the Grams are
right down to 3e-4 of it."""

Span = tuple[int, int]


class Part(NamedTuple):
    """Blocks of a parameter that read the same.

    Attributes:
        deltas: For each block the rows of the deltas whose sum is its δ.
        read: Rows of the inputs.
    """

    deltas: tuple[tuple[Span, ...], ...]
    read: Span


class PathNorms:
    """Collects log10 ‖A_{t,k}(P)‖ of every parameter while a stack sweeps chosen losses back."""

    def __init__(self, sweep: Sweep, times: Sequence[int]) -> None:
        """Get ready for loss times 1 … T, ascending."""
        self.sweep, self.times = sweep, list(times)
        self._names = list(sweep.network.parameter_shapes)
        self.found = np.full((len(self._names), len(self.times), sweep.length), -np.inf)
        self._parts = [self._matrices(tape) for tape in sweep.tapes]

    def run(self) -> Array:
        """Return log10 of the norms up to the loss's scale, (parameters, times, T).

        NaN where k > t, and for the read-out where k ≠ t.
        """
        sweep = self.sweep
        if not self.times:  # gradients of the final state alone
            return self.found
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            for _ in sweep.stack(len(self.times)).run(sweep.top_source, self.times, self._visit):
                pass
            self._readout()
        defined = sweep.network.defined(self.times, sweep.length)
        for terms, name in zip(self.found, self._names, strict=True):
            layer = sweep.network.owner(name)
            if layer is not None:
                terms[~defined[layer]] = np.nan
        return self.found

    def _matrices(self, tape: LayerTape) -> dict[int, list[Part]]:
        """Return how each parameter of a layer that stands in a matrix product is made up."""
        return {
            self._names.index(name): parts_of(tape, name)
            for name in tape.weights.entries
            if name.removesuffix(tape.weights.suffix) not in tape.cell.diagonals
        }

    def _visit(self, visit: Visit) -> None:
        known = np.where(np.any(visit.deltas, axis=1), visit.exponents, NONE)
        largest = known.max(axis=1, keepdims=True)
        powers = np.ldexp(1.0, np.maximum(known - largest, -LARGEST_SHIFT))
        deltas = visit.deltas * powers[:, None, :].astype(visit.deltas.dtype)
        tape = self.sweep.tapes[visit.layer]
        grams = _Grams(deltas, tape.inputs[visit.row - 1])
        base = np.where(largest == NONE, 0, largest)[:, 0]
        for index, parts in self._parts[visit.layer].items():
            logs = [grams.log10_norms(part) for part in parts]
            self.found[index, visit.losses, visit.time - 1] = _together(logs) + LOG10_2 * base
        for name, diagonal in tape.cell.diagonals.items():
            terms = diagonal_terms(tape, diagonal, deltas.astype(np.float64), visit.row - 1)
            norms = np.linalg.norm(terms.sum(axis=-1), axis=1)
            index = self._names.index(f"{name}{tape.weights.suffix}")
            self.found[index, visit.losses, visit.time - 1] = np.log10(norms) + LOG10_2 * base

    def _readout(self) -> None:
        """Set the read-out's terms, which have k = t alone."""
        sweep = self.sweep
        states = sweep.top_outputs
        derivatives = dict(zip(sweep.readout.rows, sweep.readout.dy, strict=True))
        for name in {*READOUT} & {*self._names}:
            terms = self.found[self._names.index(name)]
            terms[...] = np.nan
            for row, time in enumerate(self.times):
                norm = 0.0
                if time in derivatives:
                    dy = derivatives[time].astype(np.float64)
                    term = dy @ states[time].T if name == READOUT_WEIGHT else dy.sum(axis=1)
                    norm = float(np.linalg.norm(term))
                terms[row, time - 1] = np.log10(norm)


class _Grams:
    """Grams of one state time's deltas and reads, each made once."""

    def __init__(self, deltas: Array, inputs: Array) -> None:
        self._deltas, self._inputs = deltas, inputs.astype(np.float64)
        self._of_deltas: dict[tuple[tuple[Span, ...], ...], tuple[Array, Array, IntArray]] = {}
        self._of_reads: dict[Span, Array] = {}

    def log10_norms(self, part: Part) -> Array:
        """Return log10 ‖A‖ of a part, (m,)."""
        if part.deltas not in self._of_deltas:
            self._of_deltas[part.deltas] = self._gram(part.deltas)
        gram, stacked, exponents = self._of_deltas[part.deltas]
        read = self._inputs[slice(*part.read)]
        if part.read not in self._of_reads:
            self._of_reads[part.read] = read.T @ read
        of_read = self._of_reads[part.read]
        squares: Array = np.einsum("mab,ab->m", gram, of_read)  # (2)
        bound = np.trace(gram, axis1=1, axis2=2) * float(np.trace(of_read))
        cancels = squares < CANCELS**2 * bound
        if cancels.any():
            direct = np.matmul(stacked[cancels].astype(np.float64), read.T)  # (1)
            squares[cancels] = np.einsum("mrc,mrc->m", direct, direct)
        logs: Array = 0.5 * np.log10(squares) + LOG10_2 * exponents
        return logs

    def _gram(self, blocks: tuple[tuple[Span, ...], ...]) -> tuple[Array, Array, IntArray]:
        """Return δᵀδ of the blocks' rows, (m, B, B), these rows near 1, and their exponents."""
        m, _, B = self._deltas.shape
        rows = [sum(self._deltas[:, slice(*span)] for span in block) for block in blocks]
        joined = np.concatenate(rows, axis=1).reshape(m, -1)
        moved, exponents = near_one(joined, axis=1)
        stacked = moved.reshape(m, -1, B)
        gram = np.matmul(stacked.transpose(0, 2, 1), stacked).astype(np.float64)
        return gram, stacked, exponents


def _together(logs: list[Array]) -> Array:
    """Return log10 of the norm of several parts together."""
    if not logs:
        return np.array(-np.inf)
    largest = np.max(logs, axis=0)
    safe = np.where(np.isfinite(largest), largest, 0)
    total: Array = safe + 0.5 * np.log10(sum(10 ** (2 * (log - safe)) for log in logs))
    return total


def parts_of(tape: LayerTape, name: str) -> list[Part]:
    """Return how a parameter of a layer is made up: blocks that read the same go together."""
    found: dict[Span, dict[int, list[Span]]] = {}
    for block, entry in tape.weights.effective(name):
        if entry is None:
            continue
        product = tape.weights.products[entry.matrix]
        start = tape.way_back.through(product).start
        first = tape.read(product).start
        columns = entry.columns
        if isinstance(columns, int):
            columns = slice(columns, columns + 1)
        read = first + columns.start, first + columns.stop
        span = start + entry.rows.start, start + entry.rows.stop
        found.setdefault(read, {}).setdefault(block, []).append(span)
    return [
        Part(tuple(tuple(spans) for spans in blocks.values()), read)
        for read, blocks in found.items()
    ]
