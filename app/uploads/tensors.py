"""A named array of an uploaded file, read in pieces."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.uploads.errors import UploadError, at

PIECE = 1 << 20
MOST_TENSORS = 1000
WHOLE_AT_MOST = 1 << 28

Pieces = Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Tensor:
    """Name, type and shape of an array, and its bytes in pieces, the last axis fastest.

    Attributes:
        dtype: Little-endian; of bfloat16 the float32 that its pieces are widened to.
        pieces: Yields its bytes from the first, as often as it is called.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    pieces: Pieces

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.prod(self.shape, dtype=object))

    @property
    def is_real(self) -> bool:
        """Whether it holds floating-point numbers."""
        return self.dtype.kind == "f"

    def values(self) -> Iterator[NDArray[Any]]:
        """Yield the entries, flat, in pieces."""
        rest = b""
        for piece in self.pieces():
            whole = rest + piece
            fits = len(whole) - len(whole) % self.dtype.itemsize
            rest = whole[fits:]
            yield np.frombuffer(whole[:fits], self.dtype)

    def whole(self) -> NDArray[Any]:
        """Return all of it; callers ask only for what has a small shape."""
        if self.size * self.dtype.itemsize > WHOLE_AT_MOST:
            raise UploadError([at(self.name, f"too large: {self.shape}")])
        flat = np.concatenate([np.zeros(0, self.dtype), *self.values()])
        return flat.reshape(self.shape)

    def require_finite(self) -> None:
        """Refuse NaN and infinities, saying where the first stands."""
        if not self.is_real:
            return
        start = 0
        for part in self.values():
            bad = np.flatnonzero(~np.isfinite(part))
            if bad.size:
                place = np.unravel_index(start + int(bad[0]), self.shape)
                index = ", ".join(str(int(each)) for each in place)
                detail = f"expected finite numbers, got {part[bad[0]]} at [{index}]"
                raise UploadError([at(self.name, detail)])
            start += part.size


Tensors = Mapping[str, Tensor]


def require_few(count: int) -> None:
    """Refuse a file of more arrays than any model has."""
    if count > MOST_TENSORS:
        raise UploadError(f"expected at most {MOST_TENSORS} arrays, got {count}")
