"""The terms of the sums over paths, A_{t,k}(P), formed themselves; path_norms.py has norms."""

from collections.abc import Sequence

import numpy as np

from engine.arrays import Array
from engine.bptt.exponents import LARGEST_SHIFT
from engine.bptt.stack import Visit
from engine.bptt.sweep import Sweep
from engine.bptt.weight_gradients import diagonal_terms
from engine.parameter_names import READOUT, READOUT_WEIGHT
from engine.tracing.parameters import Piece


class PathTerms:
    """Collects one parameter's terms while a stack sweeps every loss back.

    Attributes:
        found: (T, T, *shape of P), loss time, then state time.
        pieces: What makes up the parameter; none of the read-out's.
    """

    def __init__(self, sweep: Sweep, parameter: str, scale: float, found: Array) -> None:
        """Collect into `found`, which is zero."""
        self._sweep, self._parameter, self._scale, self.found = sweep, parameter, scale, found
        self.pieces: Sequence[Piece] = ()

    @property
    def of_readout(self) -> bool:
        """Whether the parameter is the read-out's, whose terms have k = t alone."""
        return self._parameter in READOUT

    def add(self, visit: Visit) -> None:
        """Take the deltas of one state time, of the losses of all times."""
        if visit.layer != self._sweep.network.owner(self._parameter):
            return
        tape = self._sweep.tapes[visit.layer]
        name, losses = self._parameter.removesuffix(tape.weights.suffix), visit.losses
        state = visit.time - 1
        exponents = np.maximum(visit.exponents, -LARGEST_SHIFT)[:, None, :]
        deltas = np.ldexp(visit.deltas * self._scale, exponents)
        read = tape.inputs[visit.row - 1]
        for rows, product, out, columns in self.pieces:
            if product == len(tape.weights.products):
                terms = diagonal_terms(tape, tape.cell.diagonals[name], deltas, visit.row - 1)
                self.found[losses, state] += terms.sum(axis=-1)
                continue
            weights = tape.weights.products[product]
            seen = read[tape.read(weights)][columns]
            returned = deltas[:, tape.way_back.through(weights)][:, out]
            self.found[losses, state, rows] += (
                returned @ seen if seen.ndim == 1 else returned @ seen.T
            )

    def at_loss_times(self) -> Array:
        """Return the read-out's terms."""
        readout = self._sweep.readout
        states = self._sweep.top_outputs
        for row, dy in zip(readout.rows, readout.dy * self._scale, strict=True):
            of_weight = self._parameter == READOUT_WEIGHT
            self.found[row - 1, row - 1] = dy @ states[row].T if of_weight else dy.sum(axis=1)
        return self.found
