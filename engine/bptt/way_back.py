"""One step's way back through a cell's stages, on arrays with any axes in front of the rows.

For the stages of a step, last first, with λ the adjoints of the states after it:

    δ = step_back(slopes, λ, carried, returned)                    (1)
    returned to a block made in this step ← Wᵀ δ                   (2)

and after the first stage, to the states before the step:

    λ_before = Wᵀ δ of every product that reads them + carried     (3)

Training, a stack of adjoints, the immediate derivative and the step Jacobians all take this way;
they differ in where the arrays lie.

    adjoints   blocks of the states that products read, one row each: first those of the step
               before, then those of s steps before, then those made in the step itself
    deltas     the cell's own
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from engine.arrays import Array
from engine.bptt.blocks import BlockViews, Call, Rows
from engine.bptt.multiply import product_call
from engine.bptt.weights import LayerWeights, ProductWeights
from engine.cells.base import ArrayTuple


class Return(NamedTuple):
    """What one product hands back: adjoints[blocks] = matrix @ deltas[through], or added to it."""

    matrix: Array
    through: slice
    blocks: slice
    adds: bool


class Delayed(NamedTuple):
    """A block of the adjoints that belongs to the output `lag` steps before."""

    blocks: slice
    lag: int


class WayBack:
    """The way back of one layer's cell.

    Attributes:
        stages: The cell's, last first.
        adjoint_rows, delta_rows: Where each block lies.
        output: Rows of the adjoints that are of the cell's output.
        states: Blocks of the adjoints that are of the states right before the step.
        before: Rows of these.
        delayed: Rows that are of earlier outputs.
        carried: Rows of the deltas that are carried to the step before, for states that no
            product reads, by name.
    """

    def __init__(self, weights: LayerWeights) -> None:
        """Lay out the blocks and find who returns to whom."""
        cell, H = weights.cell, weights.hidden
        self.weights, self.stages = weights, cell.stages[::-1]
        names = cell.read_states
        self.adjoint_rows = Rows(dict.fromkeys(names, H))
        self.delta_rows = Rows(dict.fromkeys(cell.deltas, H))
        self.output = self.adjoint_rows.span(cell.output)
        self.states = states = [name for name in names if cell.lags.get(name, 1) == 1]
        self._of_states = self.adjoint_rows.only(states)
        self._made = self.adjoint_rows.only(n for n in names if cell.lags.get(n) == 0)
        self.before = slice(0, len(states) * H)
        self.delayed = [
            Delayed(self.adjoint_rows.span(name), lag) for name, lag in cell.lags.items() if lag > 1
        ]
        self.carried = {
            name: self.delta_rows.span(name) for name in cell.carries if name not in states
        }
        self._within, self._after, returned = self._returns()
        self._added: list[tuple[slice, slice]] = []
        self._copied: list[tuple[slice, slice]] = []
        self._empty: list[slice] = []
        for name in states:
            block = self.adjoint_rows.span(name)
            if name in cell.carries:
                into = self._added if name in returned else self._copied
                into.append((block, self.delta_rows.span(name)))
            elif name not in returned:
                self._empty.append(block)
        self._rooms: dict[tuple[int, ...], Array] = {}

    def through(self, product: ProductWeights) -> slice:
        """Return the rows of the deltas that go back through a product."""
        back = product.product.back
        return self.delta_rows.span(back[0], back[-1])

    def _returns(self) -> tuple[list[list[Return]], list[Return], set[str]]:
        """Return those of (2) for each stage, last first, those of (3), and who got any."""
        within: list[list[Return]] = []
        after: list[Return] = []
        seen: set[str] = set()
        last = len(self.weights.products)
        for stage in self.stages:
            products = self.weights.products[last - len(stage.products) : last]
            last -= len(stage.products)
            within.append([])
            for product in products:
                names = product.product.states_read
                made = [name for name in names if name in self._made]
                kept = [name for name in names if name not in self._made]
                within[-1] += self._of_product(product, made, seen)
                after += self._of_product(product, kept, seen)
        return within, after, seen

    def _of_product(
        self, product: ProductWeights, names: Sequence[str], seen: set[str]
    ) -> Iterator[Return]:
        """Yield what a product returns to some of the blocks it reads: at once where it can."""
        together = [(names[0], names[-1])] if names and not seen & {*names} else []
        for first, last in together or [(name, name) for name in names]:
            yield Return(
                matrix=product.back_states[product.states.span(first, last)],
                through=self.through(product),
                blocks=self.adjoint_rows.span(first, last),
                adds=first in seen,
            )
        seen |= {*names}

    # Calls, on given arrays

    def local_views(self, slopes: BlockViews) -> list[ArrayTuple]:
        """Return what each stage's `step_back` takes of the slopes, last stage first."""
        return [stage.local_views(slopes) for stage in self.stages]

    def adjoint_views(
        self, incoming: Array, carried: Array, adjoints: Array, deltas: Array
    ) -> list[ArrayTuple]:
        """Return the adjoints that each stage's `step_back` takes and fills, last stage first.

        Args:
            incoming: Adjoints of the states after the step, (…, rows of adjoints, B).
            carried: Deltas of the step after, (…, rows of deltas, B), or `deltas` itself.
            adjoints: Where this step's products return to.
            deltas: This step's.
        """
        into = BlockViews(
            (self._of_states, incoming), (self._made, adjoints), (self.delta_rows, carried)
        )
        own = BlockViews((self.delta_rows, deltas))
        return [stage.adjoint_views(into, own) for stage in self.stages]

    def stage_calls(
        self, slopes: Sequence[ArrayTuple], views: Sequence[ArrayTuple], returns: list[list[Call]]
    ) -> list[Call]:
        """Return (1) and (2): every stage's `step_back`, and what it returns within the step."""
        calls: list[Call] = []
        for stage, local, adjoint, within in zip(self.stages, slopes, views, returns, strict=True):
            calls.append((stage.step_back, (local, adjoint)))
            calls += within
        return calls

    def within_calls(self, adjoints: Array, deltas: Array) -> list[list[Call]]:
        """Return the calls of (2) after each stage, last stage first."""
        return [
            [call for found in returns for call in self._calls(found, adjoints, deltas)]
            for returns in self._within
        ]

    def after_calls(self, adjoints: Array, deltas: Array) -> list[Call]:
        """Return the calls of (3), but for what earlier steps' rows hold for a delayed block."""
        calls = [call for found in self._after for call in self._calls(found, adjoints, deltas)]
        return calls + self.carry_calls(adjoints, deltas)

    def carry_calls(self, adjoints: Array, deltas: Array) -> list[Call]:
        """Return the last term of (3), for the states that products read too."""
        calls: list[Call] = []
        for block, span in self._added:
            before = adjoints[..., block, :]
            calls.append((np.add, (before, deltas[..., span, :], before)))
        for block, span in self._copied:
            calls.append((np.copyto, (adjoints[..., block, :], deltas[..., span, :])))
        calls += [(adjoints[..., block, :].fill, (0,)) for block in self._empty]
        return calls

    def _calls(self, found: Return, adjoints: Array, deltas: Array) -> list[Call]:
        through, into = deltas[..., found.through, :], adjoints[..., found.blocks, :]
        out = self._room(into) if found.adds else into
        calls = [product_call(found.matrix, through, out)]
        if found.adds:
            calls.append((np.add, (into, out, into)))
        return calls

    def _room(self, like: Array) -> Array:
        """Return room for a second product's share, one for all steps."""
        if like.shape not in self._rooms:
            self._rooms[like.shape] = np.empty(like.shape, like.dtype)
        return self._rooms[like.shape]
