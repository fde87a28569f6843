"""Where the parts of a public parameter lie among the matrices of a layer."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.arrays import Array


@dataclass(frozen=True, slots=True)
class Entry:
    """Part of a public parameter: a rectangle of one of the layer's matrices.

    Attributes:
        matrix: Index of the matrix: first those of the products, then that of the vectors.
        rows, columns: The rectangle, or with one column number a vector.
    """

    matrix: int
    rows: slice
    columns: slice | int

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, and columns where it has a width."""
        rows = self.rows.stop - self.rows.start
        if isinstance(self.columns, int):
            return (rows,)
        return rows, self.columns.stop - self.columns.start

    def of(self, matrices: Sequence[Array]) -> Array:
        """Return the view of it."""
        view: Array = matrices[self.matrix][self.rows, self.columns]
        return view
