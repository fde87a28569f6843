"""What step Jacobians say, made when it is asked for and once."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from engine.arrays import Array
from engine.bptt.jacobians import Jacobians
from engine.bptt.tape import LayerTape

Times = tuple[int, ...]


class ObservedJacobians:
    """Jacobians of every layer of a network that has been swept forward.

    Attributes:
        size: Rows of a layer's whole state.
    """

    def __init__(self, tapes: Sequence[LayerTape]) -> None:
        """Take the tapes of all layers."""
        self._tapes, self._layers = tapes, [Jacobians(tape) for tape in tapes]
        self.size = self._layers[0].size
        self._made: dict[tuple[str, Times], Array] = {}

    def log10_singular_values(self, times: Times) -> Array:
        """Return log10 of the singular values of J_t, largest first, (S, times, n, B)."""
        return self._once("singular values", times, Jacobians.log10_singular_values)

    def log10_product_norms(self, times: Times) -> Array:
        """Return log10 of ‖∂s_T/∂s_k‖₂ for k = `times`, (S, times, B)."""
        return self._once("product norms", times, Jacobians.log10_product_norms)

    @cached_property
    def lyapunov(self) -> Array:
        """Lyapunov exponents of every sample, natural logs, (S, n, B)."""
        return np.stack([layer.lyapunov() for layer in self._layers])

    @cached_property
    def log10_bounds(self) -> Array:
        """log10 of the bound on ‖J_t‖₂ that the weights give, (S,); NaN where there is none."""
        return np.array([_log10_bound(tape) for tape in self._tapes])

    def _once(self, name: str, times: Times, make: Callable[[Jacobians, Times], Array]) -> Array:
        if (name, times) not in self._made:
            with np.errstate(over="ignore", invalid="ignore", under="ignore"):
                found = np.stack([self._in_time(make, layer, times) for layer in self._layers])
            self._made[name, times] = found
        return self._made[name, times]

    @staticmethod
    def _in_time(
        make: Callable[[Jacobians, Times], Array], layer: Jacobians, times: Times
    ) -> Array:
        """Return what is made of a layer's times, in their order."""
        tape = layer.tape
        return tape.in_time(make(layer, tuple(sorted(tape.row_of(t) for t in times))))


def _log10_bound(tape: LayerTape) -> float:
    bound = tape.cell.bound
    if bound is None:
        return float("nan")
    (weights,) = tape.weights.recurrent_blocks().values()
    if not np.isfinite(weights).all():
        return float("nan")
    with np.errstate(divide="ignore"):
        return float(np.log10(bound(float(np.linalg.norm(weights.astype(np.float64), 2)))))
