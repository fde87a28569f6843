"""The immediate derivative: dℓ_t/dh_t through the layers above at that time step alone.

For the top layer it is what arrives from the read-out. For a layer below it passes once through
each cell above, with nothing carried from later steps:

    π_S = arriving from the read-out                               (1)
    π_{s−1} = W_xᵀ step_back(slopes_t, π_s, nothing carried) [+ π_s where a skip passes layer s] (2)

and dℓ_t/dh_t is π where h is what the layer hands up, or the cell's own state delta.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.blocks import BlockViews
from engine.bptt.exponents import Scaled, log10_norms, near_one, together
from engine.bptt.network import Network
from engine.bptt.sources import Source
from engine.bptt.state_adjoints import LN_10, ln_norms
from engine.bptt.tape import CHUNK, LayerTape


class Immediate(NamedTuple):
    """Immediate derivatives of one layer over a run of steps.

    Attributes:
        layer: s.
        start: The run of steps begins with time start + 1.
        values: Stored dℓ_t/dh_t, (n, H, B), largest entry of each row and sample near 1.
        exponents: E, (n, B).
    """

    layer: int
    start: int
    values: Array
    exponents: IntArray


def immediates(tapes: Sequence[LayerTape], source: Source, network: Network) -> Iterator[Immediate]:
    """Yield the immediate derivatives of every layer, chunk by chunk, top layer first.

    Steps before the first loss of a chunk and after its last are left out: there all of them are
    exactly zero.
    """
    top = tapes[-1]
    for start, stop in _runs(source, top.length):
        arriving = _arriving(source, start, stop, network.width, top)
        for index in range(len(tapes) - network.directions, -1, -network.directions):
            below: list[Scaled] = []
            for layer in network.level(index):
                tape = tapes[layer]
                side = arriving
                if network.directions > 1:
                    side = _near_one(arriving.values[:, network.side(layer)], arriving.exponents)
                own = tape.cell.own_adjoints
                deltas = once_back(tape, start, stop, side.values) if index or own else None
                if deltas is None or not own:
                    yield Immediate(layer, start, *side)
                else:
                    values = deltas[:, tape.delta_rows.span(own[0], own[-1])]
                    yield Immediate(layer, start, *_near_one(values, side.exponents))
                if deltas is not None:
                    below.append(Scaled(tape.to_inputs(deltas), side.exponents))
            if index:
                below += [arriving] if network.skips[index] else []
                arriving = _near_one(*reduce(together, below))


def _runs(source: Source, length: int) -> Iterator[tuple[int, int]]:
    """Yield the run of steps (start, stop) in each chunk, from its first loss to its last."""
    for first in range(0, length, CHUNK):
        asked = source.between(first, min(first + CHUNK, length) + 1)
        if asked:
            yield asked[-1] - 1, asked[0]


def immediate_log10_norms(tapes: Sequence[LayerTape], source: Source, network: Network) -> Array:
    """Return log10 of the norms up to the loss's scale, (S, T, B)."""
    top = tapes[-1]
    norms = np.full((len(tapes), top.length, top.batch), -np.inf)
    if len(tapes) == 1 and source.exponents is None and not top.cell.own_adjoints:
        # What arrives is immediate.
        values, where = source.arriving.all(), source.arriving.where
        exponents = np.zeros((len(values), top.batch), np.int32)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            norms[0, np.flatnonzero(where >= 0) - 1] = ln_norms(values, exponents) / LN_10
        return norms
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for part in immediates(tapes, source, network):
            squares = np.einsum("nhb,nhb->nb", part.values, part.values)
            rows = slice(part.start, part.start + len(squares))
            norms[part.layer, rows] = log10_norms(squares, part.exponents)
    return norms


def _arriving(source: Source, start: int, stop: int, width: int, top: LayerTape) -> Scaled:
    values = np.zeros((stop - start, width, top.batch), top.dtype)
    exponents = np.zeros((stop - start, top.batch), np.int32)
    for t in range(start, stop):
        row = source.rows[t + 1]
        if row is not None:
            values[t - start] = row
            if source.exponents is not None:
                exponents[t - start] = source.exponents[t + 1]
    return _near_one(values, exponents)


def _near_one(values: Array, exponents: IntArray) -> Scaled:
    moved, own = near_one(values, axis=1)
    return Scaled(moved, exponents + own)


def once_back(tape: LayerTape, start: int, stop: int, arriving: Array) -> Array:
    """Return the deltas of the steps of times start + 1 … stop, nothing carried, (n, rows, B).

    Args:
        tape: The layer's.
        start: First time less 1.
        stop: Last time.
        arriving: Adjoints of what the layer hands up, by time, (n, H, B).
    """
    steps = stop - start
    if tape.reverse:
        start, stop = tape.length - stop, tape.length - start
    slopes = np.empty((steps, tape.slope_rows.total, tape.batch), tape.dtype)
    tape.linearize(start, stop, slopes)
    nothing = np.zeros((steps, tape.delta_rows.total, tape.batch), tape.dtype)
    deltas = np.zeros_like(nothing)
    way = tape.way_back
    incoming = np.zeros((steps, way.adjoint_rows.total, tape.batch), tape.dtype)
    incoming[:, way.output] = tape.in_time(arriving)
    calls = way.stage_calls(
        way.local_views(BlockViews((tape.slope_rows, slopes))),
        way.adjoint_views(incoming, nothing, incoming, deltas),
        way.within_calls(incoming, deltas),
    )
    for function, arguments in calls:
        function(*arguments)
    return tape.in_time(deltas)
