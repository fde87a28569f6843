"""The first weights of a whole network, by what its cell declares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.initializers.base import Doubles, InitializerOptions, uniform_by_width
from engine.initializers.matrices import spectral_radius
from engine.initializers.memory import ForgetBias, KeepGate
from engine.parameter_names import READOUT, READOUT_WEIGHT
from engine.schema import Described


class Startable(Protocol):
    """What a start asks of a cell's definition."""

    @property
    def gates(self) -> Sequence[str]:
        """The gates in block order."""

    @property
    def keep_gate(self) -> KeepGate | None:
        """The gate that keeps the memory, where there is one."""

    @property
    def own_starts(self) -> Mapping[str, "OwnStart"]:
        """How parameters start that have a rule of their own, by name without the layer."""

    @property
    def following_starts(self) -> Mapping[str, "FollowingStart"]:
        """How parameters start that are functions of others of their layer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """How the weights of a network start.

    Attributes:
        recurrent: Initializer of W_h and of the biases.
        inputs: Initializer of W_x.
        spectral_radius: What each gate's block of W_h is rescaled to; None leaves it.
        forget_bias: What the bias of the gate that keeps starts from; None leaves it.
        options: The cell's own options, for parameters that have a rule of their own.
    """

    recurrent: InitializerOptions
    inputs: InitializerOptions
    spectral_radius: float | None = None
    forget_bias: ForgetBias | None = None
    options: Described | None = None

    def recurrent_block(self, rng: np.random.Generator, hidden: int) -> Doubles:
        """Draw one block of recurrent weights (H, H), rescaled where that is asked for."""
        matrix = self.recurrent.recurrent_block(rng, hidden)
        if self.spectral_radius is None:
            return matrix
        return matrix * (self.spectral_radius / spectral_radius(matrix))

    def draw(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        cell: Startable,
        rng: np.random.Generator,
        *,
        hidden: int,
        length: int,
    ) -> dict[str, Doubles]:
        """Draw every parameter of a network.

        Args:
            shapes: Shape of each parameter by its public name, in the order to draw.
            cell: What the cell declares.
            rng: Where the numbers come from.
            hidden: H.
            length: T, the longest range that chrono counts with.

        Returns:
            Arrays by public name, float64.
        """
        drawn: dict[str, Doubles] = {}
        for name, shape in shapes.items():
            base = name.rpartition("_l")[0]
            if base in cell.following_starts:
                suffix = name.removeprefix(base)
                layer = {n.removesuffix(suffix): v for n, v in drawn.items() if n.endswith(suffix)}
                drawn[name] = cell.following_starts[base](layer)
            elif name in READOUT:
                drawn[name] = uniform_by_width(rng, shape, shapes[READOUT_WEIGHT][1])
            elif base in cell.own_starts:
                drawn[name] = cell.own_starts[base](self, rng, shape)
            else:
                drawn[name] = self._blocks(base, shape, cell, rng, hidden)
            if base == "bias_ih":
                self._keep(drawn[name], cell, rng, hidden, length)
        return drawn

    def _blocks(
        self,
        base: str,
        shape: tuple[int, ...],
        cell: Startable,
        rng: np.random.Generator,
        hidden: int,
    ) -> Doubles:
        """Draw a parameter in PyTorch's layout, block by block of H rows."""
        blocks = range(shape[0] // hidden)
        if base == "weight_ih":
            return np.concatenate(
                [self.inputs.input_block(rng, (hidden, shape[1])) for _ in blocks]
            )
        if base == "weight_hh":
            return np.concatenate([self.recurrent_block(rng, hidden) for _ in blocks])
        if base == "bias_ih":
            return np.concatenate([self.recurrent.bias(rng, hidden) for _ in blocks])
        if base != "bias_hh":
            raise KeyError(f"the parameter {base} has no rule to start from")
        # Of PyTorch's second bias only the candidate's part (GRU's b_hn) is a parameter.
        second = np.zeros(shape)
        second[-hidden:] = self.recurrent.bias(rng, hidden)
        return second

    def _keep(
        self, bias: Doubles, cell: Startable, rng: np.random.Generator, hidden: int, length: int
    ) -> None:
        if self.forget_bias is None or cell.keep_gate is None:
            return
        found = cell.keep_gate.biases(self.forget_bias, rng, hidden, length)
        for gate, values in found.items():
            first = list(cell.gates).index(gate) * hidden
            bias[first : first + hidden] = values


FollowingStart = Callable[[Mapping[str, Doubles]], Doubles]
"""Makes a parameter of those of its layer that were drawn before it, by name."""

OwnStart = Callable[[Start, np.random.Generator, tuple[int, ...]], Doubles]
"""Draws a parameter that PyTorch lacks, or that has a rule of its own: (start, rng, shape)."""


def as_recurrent(start: Start, rng: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
    """Draw further recurrent weights, (n·H, H), as W_h is drawn."""
    hidden = shape[1]
    return np.concatenate([start.recurrent_block(rng, hidden) for _ in range(shape[0] // hidden)])


def as_bias(start: Start, rng: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
    """Draw a vector (H,) as a gate's bias is drawn."""
    return start.recurrent.bias(rng, shape[0])
