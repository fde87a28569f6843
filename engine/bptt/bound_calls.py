"""Memory of what a plain tape binds for each step: its calls and their views."""

import sys

import numpy as np

from engine.bptt.network import Network
from engine.bptt.tape import LayerTape
from engine.cells.base import Cell


def bound_bytes(cell: Cell) -> tuple[int, int]:
    """Return the bytes that one more step binds, forward and back: tapes of two lengths, weighed.

    They do not depend on the sizes of the layer: the smallest tells them.
    """
    weights = Network(cell, inputs=1, hidden=1, outputs=1).layers[0]
    # Beyond the furthest lag every step binds the same.
    furthest = max(cell.lags.values(), default=1)
    found = []
    for length in (furthest + 1, furthest + 2):
        tape = LayerTape(weights, length, 1, np.float32)
        tape.bind_back()
        seen: set[int] = set()
        forward = _weight(tape.forward_program, seen)
        found.append((forward, _weight((tape.back_program, tape.plain_program), seen)))
    (before, back_before), (after, back_after) = found
    return after - before, back_after - back_before


def _weight(thing: object, seen: set[int]) -> int:
    """Return the bytes of an object and of what it holds, arrays' numbers aside, each once."""
    if id(thing) in seen or thing is None or isinstance(thing, int):
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return sys.getsizeof(thing[:0])
    if isinstance(thing, tuple | list):
        return sys.getsizeof(thing) + sum(_weight(each, seen) for each in thing)
    return sys.getsizeof(thing) if hasattr(thing, "__self__") else 0
