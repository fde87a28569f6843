"""TensorBoard's event files, record by record.

A file is a sequence of records; a record is its length (8 bytes), the masked CRC of these, the
event, and the masked CRC of that, all little-endian (TFRecord). An event is a protocol buffer of
TensorFlow's event.proto and summary.proto; of these messages the few fields that are written here:

    Event           wall_time = 1, step = 2, file_version = 3, summary = 5
    Summary         value = 1, repeated
    Summary.Value   tag = 1, simple_value = 2 (float), histo = 5
    HistogramProto  min, max, num, sum, sum_squares = 1 … 5, bucket_limit = 6, bucket = 7, packed
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import google_crc32c
import numpy as np
from numpy.typing import NDArray

VERSION: Final = "brain.Event:2"
MASK: Final = 0xA282EAD8  # TFRecord's: a CRC over bytes that hold a CRC says little

_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5  # wire types


@dataclass(frozen=True, kw_only=True, slots=True)
class Histogram:
    """Counts between limits.

    Attributes:
        limits: Upper limit of each bucket, ascending, (n,).
        counts: How many fell into each, (n,).
        start: Lower limit of the first.
    """

    limits: NDArray[np.float64]
    counts: NDArray[np.float64]
    start: float


Value = float | Histogram


def first_record(wall_time: float) -> bytes:
    """Return the record that every file starts with."""
    return _record(_double(1, wall_time) + _text(3, VERSION))


def record(wall_time: float, step: int, values: Sequence[tuple[str, Value]]) -> bytes:
    """Return the record of what was seen at one training step.

    Args:
        wall_time: Seconds since 1970.
        step: The training step.
        values: A number or a histogram for each tag.
    """
    summary = b"".join(_bytes(1, _value(tag, value)) for tag, value in values)
    event = _double(1, wall_time) + _key(2, _VARINT) + _varint(step) + _bytes(5, summary)
    return _record(event)


def _record(event: bytes) -> bytes:
    length = struct.pack("<Q", len(event))
    return length + _crc(length) + event + _crc(event)


def _crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    rotated = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    return struct.pack("<I", (rotated + MASK) & 0xFFFFFFFF)


def _value(tag: str, value: Value) -> bytes:
    if isinstance(value, Histogram):
        return _text(1, tag) + _bytes(5, _histogram(value))
    return _text(1, tag) + _key(2, _FLOAT) + struct.pack("<f", np.float32(value))


def _histogram(histogram: Histogram) -> bytes:
    counts, limits = histogram.counts, histogram.limits
    starts = np.concatenate([[histogram.start], limits[:-1]])
    middles, filled = (starts + limits) / 2, np.flatnonzero(counts)
    ends = (starts[filled[0]], limits[filled[-1]]) if filled.size else (0.0, 0.0)
    sums = counts.sum(), (counts * middles).sum(), (counts * middles**2).sum()
    numbers = b"".join(_double(at + 1, float(n)) for at, n in enumerate((*ends, *sums)))
    return numbers + _bytes(6, limits.astype("<f8").tobytes()) + _bytes(
        7, counts.astype("<f8").tobytes()
    )  # fmt: skip


def _double(field: int, value: float) -> bytes:
    return _key(field, _DOUBLE) + struct.pack("<d", value)


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, content: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(content)) + content


def _key(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(number: int) -> bytes:
    """Return a number that is not negative in groups of seven bits, the lowest first."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)
