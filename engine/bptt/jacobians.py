"""Step Jacobians, products of them and Lyapunov exponents, all through the cell's own way back.

With s_t the whole state of a layer, n rows of it, H for each of the cell's `state_names` in their
order, and one sample at a time:

    J_t = ∂s_t/∂s_{t−1}; row i is J_tᵀ e_i, one step back of the i-th unit adjoint   (1)
    ∂s_T/∂s_k = J_T J_{T−1} … J_{k+1}; row i is that of (1) taken T − k steps back   (2)
    Q_t R_t = J_t Q_{t−1}, Q_0 = I;  exponent i = 1/T Σ_t ln |R_{t,ii}|              (3)

(3) goes forward in time on the Jacobians themselves: the rows of (2) would give the exponents of
the transposed products, equal only as T → ∞. Rows of (2) carry an exponent each, so that a
product of any length keeps its norm.

Source: Benettin, Galgani, Giorgilli & Strelcyn 1980, Meccanica 15, for (3).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.exponents import LARGEST_SHIFT, LOG10_2, NONE, exponent_of, shift
from engine.bptt.state_step import Parts, StateStep
from engine.bptt.tape import LayerTape


class Jacobians:
    """The step Jacobians of one layer that has been swept forward.

    Attributes:
        size: n, the rows of the whole state.
    """

    def __init__(self, tape: LayerTape) -> None:
        """Take the steps of a tape."""
        self.tape, self.step = tape, StateStep(tape)
        self.size = self.step.size

    def steps(self, times: Sequence[int]) -> Iterator[Array]:
        """Yield J_t of every sample, (B, n, n), [b, i, j] = ∂s_t[i]/∂s_{t−1}[j].

        Args:
            times: t = 1 … T, ascending.
        """
        unit = self._unit()
        for time in times:
            local = self.step.linearize(time - 1, time).of(0)
            yield self._matrix(self.step.pull(local, unit).parts)  # (1)

    def unit_deltas(self, time: int) -> Array:
        """Return the deltas of the n unit adjoints of s_t at the step that makes it, (n, rows, B).

        Valid until the next call.
        """
        local = self.step.linearize(time - 1, time).of(0)
        return self.step.pull(local, self._unit()).deltas

    def _unit(self) -> Parts:
        """Return the n unit adjoints, by part, (n, H, B) each."""
        n, H, B = self.size, self.tape.weights.hidden, self.tape.batch
        rows = np.eye(n, dtype=self.tape.dtype).reshape(n, -1, H)
        return tuple(
            np.broadcast_to(rows[:, part, :, None], (n, H, B)) for part in range(rows.shape[1])
        )

    @staticmethod
    def _matrix(parts: Parts) -> Array:
        """Return rows by part as one matrix a sample, (B, n, n)."""
        return np.ascontiguousarray(np.concatenate(parts, axis=1).transpose(2, 0, 1))

    def log10_singular_values(self, times: Sequence[int]) -> Array:
        """Return log10 of the singular values of J_t, largest first, (times, n, B).

        Those under the type's resolution of the largest are rounding; −inf is an exact zero.
        """
        found = np.empty((len(times), self.size, self.tape.batch))
        for row, jacobian in enumerate(self.steps(times)):
            found[row] = _singular_values(jacobian).T
        with np.errstate(divide="ignore"):
            logs: Array = np.log10(found)
        return logs

    def log10_product_norms(self, times: Sequence[int]) -> Array:
        """Return log10 of ‖∂s_T/∂s_k‖₂, (times, B), for k = 1 … T ascending."""
        wanted = {time: row for row, time in enumerate(times)}
        found = np.zeros((len(times), self.tape.batch))
        parts: Parts = self._unit()
        exponents = np.zeros((self.size, self.tape.batch), np.int32)
        for time in range(self.tape.length, min(times) - 1, -1):
            if time in wanted:
                found[wanted[time]] = self._log10_norm(parts, exponents)
            local = self.step.linearize(time - 1, time).of(0)
            pulled = self.step.pull(local, parts).parts  # (2)
            parts = tuple(np.array(part) for part in pulled)
            exponents = exponents + _brought_near_one(parts)
        return found

    def _log10_norm(self, parts: Parts, exponents: IntArray) -> Array:
        """Return log10 of the 2-norms of matrices stored by row with exponents, (B,)."""
        rows = self._matrix(parts).astype(np.float64)
        known = np.where(np.any(rows, axis=2).T, exponents, NONE)
        largest = known.max(axis=0)
        rows *= np.ldexp(1.0, np.maximum(known - largest, -LARGEST_SHIFT)).T[:, :, None]
        finite = np.isfinite(rows).all(axis=(1, 2))
        rows[~finite] = 0
        # The largest eigenvalue of the Gram is ‖·‖₂²; squares hurt only the small ones.
        squares = np.linalg.eigvalsh(rows @ rows.transpose(0, 2, 1))[:, -1]
        with np.errstate(divide="ignore"):
            logs = 0.5 * np.log10(np.maximum(squares, 0)) + LOG10_2 * largest
        return np.where(finite, np.where(largest == NONE, -np.inf, logs), np.nan)

    def lyapunov(self) -> Array:
        """Return (3), (n, B), natural logs, in the order of the columns of Q."""
        n, B, T = self.size, self.tape.batch, self.tape.length
        frames = np.broadcast_to(np.eye(n), (B, n, n))
        found = np.zeros((B, n))
        for jacobian in self.steps(range(1, T + 1)):
            ahead = jacobian.astype(np.float64) @ frames
            if not np.isfinite(ahead).all():
                return np.full((n, B), np.nan)
            frames, triangles = np.linalg.qr(ahead)  # (3)
            with np.errstate(divide="ignore"):
                found += np.log(np.abs(np.diagonal(triangles, axis1=1, axis2=2)))
        return found.T / T


def _singular_values(matrices: Array) -> Array:
    """Return the singular values of (B, n, n), largest first; NaN where one is not finite."""
    finite = np.isfinite(matrices).all(axis=(1, 2))
    found = np.full(matrices.shape[:2], np.nan)
    found[finite] = np.linalg.svd(matrices[finite], compute_uv=False)
    return found


def _brought_near_one(parts: Parts) -> IntArray:
    """Bring every row over all parts near 1, in place; return the exponents taken out, (n, B)."""
    sizes = exponent_of(parts[0], axis=-2)
    for part in parts[1:]:
        sizes = np.maximum(sizes, exponent_of(part, axis=-2))
    own = np.where(sizes == NONE, 0, sizes).astype(np.int32)
    for part in parts:
        shift(part, -own[:, None, :])
    return own
