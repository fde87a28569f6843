"""The embedded Reber grammar: predict the next symbol, and remember the second to the end.

Grammar: a string is B, T or P, an inner Reber string, the same T or P again, E. The inner string
    starts with B and goes from node to node, at each taking one of two edges with probability ½:
        1: T → 2, P → 3      2: S → 2, X → 4      3: T → 3, V → 5
        4: X → 3, S → 6      5: P → 4, V → 6      6: E, the end
Inputs: one-hot of the 7 symbols. All strings of a task have the length T, so the edges are drawn
    given that (an inner string of T − 4 symbols); the originals have strings of any length.
Target: the next symbol, cross-entropy over 7 classes, asked at t = 1 … T − 2; with
    `ask: "outer"` only at T − 2, where the outer T or P comes next.
Least loss: which edge is taken is chance: no predictor is below the mean entropy of the next
    symbol given node, time and the outer symbol; 0 with "outer".
Baseline: the same given only the present symbol and the time; ln 2 with "outer".
Needed lag: T − 4, from T − 2 back to t = 2.
Source: Reber 1967; embedded by Smith & Zipser 1989 and Cleeremans, Servan-Schreiber & McClelland
    1989; Hochreiter & Schmidhuber 1997, experiment 1.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
from annotated_types import Interval
from numpy.typing import DTypeLike

from engine.arrays import Array, IntArray
from engine.schema import Doc
from engine.tasks.base import (
    LONGEST,
    Batch,
    Streams,
    Task,
    TaskDefinition,
    TaskOptions,
    asked_at,
    generated,
)

SYMBOLS = "BTPSXVE"
B, T, P, S, X, V, E = range(len(SYMBOLS))
OUTER = (T, P)

# Node → its two edges: symbol and next node. Node 0 begins with B, node 6 ends with E.
EDGES = {
    1: ((T, 2), (P, 3)),
    2: ((S, 2), (X, 4)),
    3: ((T, 3), (V, 5)),
    4: ((X, 3), (S, 6)),
    5: ((P, 4), (V, 6)),
}
LAST = 6
NODES = LAST + 1
# What stands around the inner string: B and T or P before it, T or P and E behind.
AROUND = 4
# The shortest inner strings are BTXSE and BPVVE.
SHORTEST = AROUND + 5


class Walk(NamedTuple):
    """Inner strings of one length, as a walk from node 1 to the last node.

    Attributes:
        first: Probability of a node's first edge by edges done, (n, nodes).
        visited: Probability of the nodes by edges done, (n + 1, nodes).
    """

    first: Array
    visited: Array


@dataclass(frozen=True, kw_only=True, slots=True)
class ReberOptions(TaskOptions):
    """Options of the embedded Reber grammar."""

    title: ClassVar[str] = "Embedded Reber grammar"
    purpose: ClassVar[str] = (
        "Strings of a small grammar, whose next symbol is asked for at every step. The second "
        "symbol comes again as the last but one: all else is short memory, this one is not."
    )
    formula: ClassVar[str] = "the next symbol"
    source: ClassVar[str] = (
        "Reber 1967; Cleeremans, Servan-Schreiber & McClelland 1989; Hochreiter & Schmidhuber 1997"
    )

    length: Annotated[
        int,
        Interval(ge=SHORTEST, le=LONGEST),
        Doc("Symbols T of each string.", title="Sequence length"),
    ] = 20
    ask: Annotated[
        Literal["every", "outer"],
        Doc("Ask for every next symbol, or only for the one that was second.", title="Asked"),
    ] = "every"
    kind: Literal["reber"] = "reber"


# Of a few lengths, two megabytes each at most: a service is asked about any.
@lru_cache(maxsize=8)
def walk(edges: int) -> Walk:
    """Return the walk of so many edges from node 1 to the last node, at least three."""
    nodes = list(EDGES)
    one, other = np.array([[target for _, target in EDGES[node]] for node in nodes]).T
    # Weight of all ways to the end in r edges, up to a factor that is the same for all nodes.
    ways = np.zeros((edges + 1, NODES))
    ways[0, LAST] = 1
    for r in range(1, edges + 1):
        ways[r, nodes] = 0.5 * (ways[r - 1, one] + ways[r - 1, other])
        ways[r] /= ways[r].max()
    first = np.zeros((edges, NODES))
    left = ways[edges - 1 :: -1]
    both = left[:, one] + left[:, other]
    first[:, nodes] = np.divide(left[:, one], both, out=np.zeros_like(both), where=both > 0)
    visited = np.zeros((edges + 1, NODES))
    visited[0, 1] = 1
    targets = np.concatenate([one, other])
    for done in range(edges):
        share, there = first[done, nodes], visited[done, nodes]
        moved = np.concatenate([there * share, there * (1 - share)])
        visited[done + 1] = np.bincount(targets, moved, minlength=NODES)
    return Walk(first, visited)


@lru_cache
def entropies(length: int) -> tuple[float, float]:
    """Return the mean entropy of the next symbol at t = 1 … T − 2, in nats.

    Args:
        length: T.

    Returns:
        Given all that was before, and given the present symbol alone (and the time).
    """
    first, visited = walk(length - AROUND - 2)
    edges = len(first)
    # Probability of (present symbol, node) by edges done: what the walk stands on.
    present = np.zeros((edges, len(SYMBOLS), NODES))
    present[0, B, 1] = 1
    for node, chances in _chances(first):
        for symbol, target, share in chances:
            present[1:, symbol, target] += (visited[:edges, node] * share)[:-1]
    # Symbol 2 is chance to everybody, the outer one again to who has no memory.
    known, seen = math.log(2), 2 * math.log(2)
    following = np.zeros((edges, len(SYMBOLS), len(SYMBOLS)))
    for node, chances in _chances(first):
        for symbol, _, share in chances:
            following[:, :, symbol] += present[:, :, node] * share[:, np.newaxis]
            known += _entropy(share, visited[:edges, node])
    seen += _entropy(following) - _entropy(following.sum(axis=2))
    return known / (length - 2), seen / (length - 2)


def _chances(first: Array) -> Iterator[tuple[int, tuple[tuple[int, int, Array], ...]]]:
    """Yield every node with its two edges: symbol, target, and probability by edges done."""
    for node, ((one, to_one), (other, to_other)) in EDGES.items():
        share = first[:, node]
        yield node, ((one, to_one, share), (other, to_other, 1 - share))


def _entropy(shares: Array, weights: Array | float = 1.0) -> float:
    """Return −Σ w p log p, of which an impossible p has no part."""
    return float(-(weights * shares * np.log(np.where(shares > 0, shares, 1))).sum())


def strings(rng: np.random.Generator, length: int, size: int) -> IntArray:
    """Draw strings of the embedded grammar: symbol numbers, (T, size)."""
    edges = length - AROUND - 2
    first = walk(edges).first
    symbols = np.zeros((NODES, 2), dtype=np.int64)
    targets = np.zeros((NODES, 2), dtype=np.int64)
    for node, choices in EDGES.items():
        symbols[node] = [symbol for symbol, _ in choices]
        targets[node] = [target for _, target in choices]
    drawn = np.empty((length, size), dtype=np.int64)
    drawn[[0, 2]] = B
    drawn[1] = drawn[-2] = np.asarray(OUTER)[rng.integers(0, len(OUTER), size)]
    drawn[[-3, -1]] = E
    nodes = np.ones(size, dtype=np.int64)
    for done, chance in enumerate(rng.random((edges, size))):
        edge = (chance >= first[done, nodes]).astype(np.int64)
        drawn[3 + done] = symbols[nodes, edge]
        nodes = targets[nodes, edge]
    return drawn


def make(options: ReberOptions, streams: Streams, dtype: DTypeLike) -> Task:
    """Bind the task to its options."""
    length, every = options.length, options.ask == "every"
    asked = tuple(range(1 if every else length - 2, length - 1))
    one_hot = np.eye(len(SYMBOLS), dtype=dtype)
    asked_of = asked_at(asked, length)
    least, baseline = entropies(length) if every else (0.0, math.log(2))

    def draw(rng: np.random.Generator, size: int) -> Batch:
        drawn = strings(rng, length, size)
        return Batch(one_hot[drawn], np.roll(drawn, -1, axis=0), *asked_of(size))

    held_out, watched = generated(draw, options, streams)
    return Task(
        name="reber",
        length=length,
        inputs=len(SYMBOLS),
        outputs=len(SYMBOLS),
        loss="cross_entropy",
        least=least,
        baseline=baseline,
        needed_lag=length - AROUND,
        asked_times=asked,
        draw=draw,
        held_out=held_out,
        watched=watched,
    )


DEFINITION = TaskDefinition(name="reber", options=ReberOptions, make=make)
