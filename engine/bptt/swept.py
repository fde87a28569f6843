"""What a sweep through a network asks of the sweeps back through its layers."""

from collections.abc import Mapping
from typing import Protocol

from engine.arrays import Array, IntArray
from engine.bptt.sources import DenseSource, Source


class SweptLayer(Protocol):
    """Sweeps one layer back."""

    def run(
        self, source: Source, below: DenseSource | None, final: Mapping[str, Array] | None = None
    ) -> None:
        """Sweep back what arrives and what is injected, and hand down to the layer below."""

    def squared_norms(self) -> tuple[Array, IntArray]:
        """Return ‖dℓ/dh_t‖² as stored, with the exponents of the norms, (T, B), t = 1 … T."""
