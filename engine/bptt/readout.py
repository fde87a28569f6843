"""The linear read-out h_t → y_t, the loss on it, and the way back.

    y_t = h_t W_yᵀ + b_y at the asked time steps                   (1)
    ∂(Σ m e)/∂h_t = ∂(Σ m e)/∂y_t W_y, the immediate derivative    (2)
    ∂(Σ m e)/∂W_y = Σ_{t,b} (∂/∂y_t)ᵀ h_t                          (3)

The sweep works on the plain sum Σ m e: its size does not depend on how many steps are asked, so
neither do its exponents. `Loss.scale` makes L of it.
"""

from typing import NamedTuple

import numpy as np

from engine import compiled
from engine.arrays import Array, BoolArray, IntArray
from engine.bptt.network import Network
from engine.bptt.sources import AskedRows
from engine.tasks.base import Batch
from engine.tasks.losses import LOSSES, RawLoss, mean_squared_error

SMALL_SOURCE = 2.0**-28
"""From here down derivatives get exponents, since their squared norms would lose bits."""

LARGE_SOURCE = 2.0**40


class Loss(NamedTuple):
    """The loss of one batch.

    Attributes:
        value: L.
        accuracy: Share of asked steps whose largest logit is the target; None for values.
        scale: dL/d(Σ m e): 1/M for the mean, 1 for the sum.
        sample_scale: dℓ/d(Σ m e), per sample: B/M for the mean, 1 for the sum.
    """

    value: float
    accuracy: float | None
    scale: float
    sample_scale: float


def neighbours(places: IntArray) -> slice | IntArray:
    """Return ascending places as a slice where they follow each other: it copies nothing."""
    first, last = int(places[0]), int(places[-1])
    return slice(first, last + 1) if last - first + 1 == len(places) else places


class Readout:
    """Read-out, loss and immediate derivatives of one sweep.

    Attributes:
        rows: State rows (1 … T) of the asked time steps, ascending.
        dy: ∂(Σ m e)/∂y at these rows, (n, K, B).
    """

    def __init__(self, network: Network) -> None:
        """Read out with the network's weights."""
        self.network = network
        self.rows: list[int] = []
        self._errors = compiled.readout_loops()
        self._asked = b""
        self._asked_rows = AskedRows(self.rows, 0)
        self._sizes: tuple[float, float] | None = None

    def outputs(self, states: Array) -> Array:
        """Return y (n, K, B) of states h (n, H, B)."""
        y = self._products(states)
        y += self.network.readout[:, self.network.width :]  # (1)
        return y

    def _products(self, states: Array) -> Array:
        """Return h W_yᵀ (n, K, B)."""
        found: Array = np.matmul(self.network.readout[:, : self.network.width], states)
        return found

    def forward(self, states: Array, batch: Batch, loss: str, reduction: str) -> Loss:
        """Return the loss of a batch, given what is read out, rows 0 … T of (T+1, H, B)."""
        if self._errors is not None and LOSSES[loss] is mean_squared_error:
            targets, mask = self._ask(states, batch)
            self.dy = self._products(self._read)
            bias = self.network.readout[:, self.network.width]
            values, asked = np.asarray(targets, states.dtype), np.array(mask, order="C")
            total, least, most = self._errors.squared_errors(self.dy, bias, values, asked)
            self._sizes, correct = (least, most), None
        else:
            raw, mask = self.read_out(states, batch, loss)
            total, correct = float(np.sum(raw.losses, dtype=np.float64)), raw.correct
        # Part of a batch may be asked for nothing: its loss is 0.
        count = max(1, int(np.count_nonzero(mask)))
        mean = reduction == "mean"
        scale = 1 / count if mean else 1.0
        accuracy = None if correct is None else int(np.count_nonzero(correct)) / count
        return Loss(total * scale, accuracy, scale, batch.size / count if mean else 1.0)

    def read_out(self, states: Array, batch: Batch, loss: str) -> tuple[RawLoss, BoolArray]:
        """Return what the loss finds at the asked steps, and the mask there, (n, B)."""
        targets, mask = self._ask(states, batch)
        raw = LOSSES[loss](self.outputs(self._read), targets, mask)
        self.dy, self._sizes = raw.gradient, None
        return raw, mask

    def _ask(self, states: Array, batch: Batch) -> tuple[Array | IntArray, BoolArray]:
        """Take what is read at the asked steps; return the targets there, and the mask (n, B)."""
        asked = batch.asked
        if (found := asked.tobytes()) != self._asked:  # mostly every batch asks at the same steps
            self._asked, self.rows = found, (asked + 1).tolist()
        places = neighbours(asked)
        self._read = states[1:][places]
        mask, targets = batch.mask[places], batch.targets[places]
        if targets.ndim > mask.ndim:  # values, not classes
            targets = np.ascontiguousarray(targets.transpose(0, 2, 1), states.dtype)
        return targets, mask

    def asked_rows(self, length: int) -> AskedRows:
        """Return the asked rows among those of T = `length` steps; made once for a list."""
        if self._asked_rows.rows is not self.rows:
            self._asked_rows = AskedRows(self.rows, length)
        return self._asked_rows

    def inject(self, states: Array, gradients: Array) -> None:
        """Take ∂L/∂y of every step, (T, K, B), in the place of a loss's.

        Args:
            states: What is read out, rows 1 … T, (T, H, B).
            gradients: ∂L/∂y; without a read-out (K = 0) ∂L/∂h, (T, H, B).
        """
        self.rows, self._asked = list(range(1, len(states) + 1)), b""
        self._read, self.dy, self._sizes = states, gradients, None

    def backward(self) -> tuple[Array, Array | None, bool]:
        """Fill the read-out's gradient; return the immediate derivatives.

        Returns:
            ∂(Σ m e)/∂h at the asked rows, (n, H, B); what it is still to be multiplied by, (H, 1),
            where that is an outer product and it is (n, 1, B); and whether all of it that is not
            exactly zero is of an ordinary size.
        """
        if not self.network.outputs:
            return np.array(self.dy), None, self._ordinary(1.0)
        (_, K, B), H = self.dy.shape, self.network.width
        gradient = self.network.readout_gradient
        # A product for each step costs half of one over copies that lie side by side, and takes K/B
        # times the memory of what was read.
        if K <= B:
            gradient[:, :H] = np.matmul(self._read, self.dy.swapaxes(1, 2)).sum(axis=0).T  # (3)
        else:
            gradient[:, :H] = np.tensordot(self.dy, self._read, axes=((0, 2), (0, 2)))  # (3)
        gradient[:, H] = self.dy.sum(axis=(0, 2))
        weight = self.network.readout[:, :H]
        turned = np.array(weight.T, order="C")
        ordinary = self._ordinary(float(np.abs(weight).max()))
        if K == 1:
            return self.dy, turned, ordinary  # (2), an outer product
        return np.matmul(turned, self.dy), None, ordinary  # (2)

    def _ordinary(self, weight: float) -> bool:
        """Tell whether every derivative that is not zero lies well within the number range."""
        if self._sizes is None:
            sizes = np.abs(self.dy).max(axis=1)
            least, most = float(sizes.min(initial=np.inf, where=sizes != 0)), float(sizes.max())
        else:
            least, most = self._sizes
        return least * weight > SMALL_SOURCE and most * weight < LARGE_SOURCE
