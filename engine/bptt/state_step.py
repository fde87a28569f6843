"""One step's linear map on adjoints of the whole recurrent state, through the cell's own way back.

With s_t the whole state (h; h and c; h and earlier outputs; …), J_t = ∂s_t/∂s_{t−1} and λ any
adjoint of s_t:

    δ = step_back(slopes_t, λ)                                     (1)
    J_tᵀ λ = Wᵀ δ + what is carried beside the weights             (2)
    an earlier output that s_t still holds, h_{t−j} with j ≥ 1, hands its adjoint to the same
    output in s_{t−1}, where it is the one of j − 1 steps before    (3)

Any axes may stand in front of the rows: a chunk of steps, each with its own adjoint, or a stack
of adjoints of one step. Without weights, (2) and (3) are what passes beside them alone.
"""

from typing import NamedTuple

import numpy as np

from engine.arrays import Array
from engine.bptt.blocks import BlockViews, Rows
from engine.bptt.tape import LayerTape

Parts = tuple[Array, ...]
"""Adjoints of the parts of a state, each (…, H, B), in the order of `StateStep.parts`."""


class Local(NamedTuple):
    """Local derivatives of a run of steps.

    Attributes:
        slopes: The cell's own, (n, rows, B).
        before: φ′ at the state before each step, (n, H, B), where products read φ(h) and not h.
    """

    slopes: Array
    before: Array | None

    def of(self, step: int) -> "Local":
        """Return those of one step of the run, without the axis of steps."""
        return Local(self.slopes[step], None if self.before is None else self.before[step])


class Pulled(NamedTuple):
    """What a step back makes of adjoints.

    Attributes:
        deltas: δ and what is carried, (…, rows, B).
        read: Adjoint of what products read as the output before the step, (…, H, B).
        parts: J_tᵀ λ, the adjoints of the state before; the first is `read` where that is h.
    """

    deltas: Array
    read: Array
    parts: Parts


class StateStep:
    """J_tᵀ of one layer's steps; what it returns is valid until it is asked again.

    Attributes:
        parts: Names of the parts of the state, h first.
        size: Rows of the whole state.
    """

    def __init__(self, tape: LayerTape) -> None:
        """Take the steps of a tape that has been swept forward."""
        self.tape, self.cell, self.way = tape, tape.cell, tape.way_back
        self.parts = self.cell.state_names
        self.size = len(self.parts) * tape.weights.hidden
        self._own_parts = len(self.cell.states)
        self._rooms: dict[tuple[str, tuple[int, ...]], Array] = {}

    @property
    def several_paths(self) -> bool:
        """Whether a state reaches the next beside the recurrent weights too."""
        beside = self.cell.carries and self.cell.fed_back_by is None
        return bool(beside) or len(self.parts) > self._own_parts

    def linearize(self, start: int, stop: int) -> Local:
        """Return the local derivatives of steps start … stop − 1."""
        tape = self.tape
        slopes = self._room("slopes", (stop - start,), tape.slope_rows)
        tape.linearize(start, stop, slopes)
        if self.cell.state_delta is None:
            return Local(slopes, None)
        before = np.empty_like(tape.outputs[start:stop])
        self.cell.activation.slope_of_value(tape.outputs[start:stop], before)
        return Local(slopes, before)

    def pull(self, local: Local, adjoints: Parts, *, weights: bool = True) -> Pulled:
        """Return δ and J_tᵀ λ of adjoints of the state after the step.

        Args:
            local: Derivatives of the step, or of a run of steps, one for each adjoint.
            adjoints: λ by part; the axes in front broadcast with those of `local`.
            weights: Whether what returns through weight matrices is in J_tᵀ λ.
        """
        way, lead = self.way, np.broadcast_shapes(adjoints[0].shape[:-2], local.slopes.shape[:-2])
        deltas = self._room("deltas", lead, way.delta_rows)
        returned = self._room("returned", lead, way.adjoint_rows)
        incoming = self._room("incoming", lead, way.adjoint_rows)
        for name, part in zip(self.cell.states, adjoints, strict=False):
            self._of_state(name, incoming, deltas)[...] = part
        if not weights:
            returned[...] = 0
        if self.cell.state_delta is not None:
            way.delta_rows.view(deltas, self.cell.state_delta)[...] = adjoints[0]
        else:
            slopes = way.local_views(BlockViews((self.tape.slope_rows, local.slopes)))
            views = way.adjoint_views(incoming, deltas, returned, deltas)
            within = way.within_calls(returned, deltas) if weights else [[] for _ in way.stages]
            for function, arguments in way.stage_calls(slopes, views, within):  # (1)
                function(*arguments)
        after = way.after_calls(returned, deltas) if weights else way.carry_calls(returned, deltas)
        for function, arguments in after:  # (2)
            function(*arguments)
        read = returned[..., way.output, :]
        parts = [self._of_state(name, returned, deltas) for name in self.cell.states]
        if local.before is not None:
            parts[0] = parts[0] * local.before
        return Pulled(deltas, read, self._with_earlier(parts, adjoints, returned))

    def _of_state(self, name: str, read: Array, deltas: Array) -> Array:
        """Return the block of a state: among those that products read, or carried."""
        if name == "h":
            return read[..., self.way.output, :]
        if name in self.way.adjoint_rows:
            return self.way.adjoint_rows.view(read, name)
        return self.way.delta_rows.view(deltas, name)

    def _with_earlier(self, parts: list[Array], adjoints: Parts, returned: Array) -> Parts:
        """Add (3), and what products return to earlier outputs."""
        held = adjoints[self._own_parts :]
        lead = parts[0].shape
        earlier = [np.array(np.broadcast_to(part, lead)) for part in held]
        earlier.append(np.zeros(lead, self.tape.dtype))
        for blocks, lag in self.way.delayed:
            earlier[lag - 1] += returned[..., blocks, :]
        return (parts[0] + earlier[0], *parts[1:], *earlier[1:]) if held else tuple(parts)

    def _room(self, name: str, lead: tuple[int, ...], rows: Rows) -> Array:
        """Return memory that is used again: fresh pages cost as much as what is done in them."""
        shape = (*lead, rows.total, self.tape.batch)
        found = self._rooms.get((name, shape))
        if found is None:
            found = self._rooms[name, shape] = np.zeros(shape, self.tape.dtype)
        return found
