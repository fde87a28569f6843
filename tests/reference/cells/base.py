"""What a reference of a cell is: the shapes of its parameters, its states, and one step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.reference.arithmetic import Arithmetic, Tensor

Options = Mapping[str, Any]
Shapes = dict[str, tuple[int, ...]]
State = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What one step of one layer reads.

    Attributes:
        weights: Parameters of the layer, without the layer's suffix; effective ones where the
            cell multiplies with a function of a parameter.
        x: The layer's input [B,D].
        state: The state before the step, each part [B,H].
        read: The same, for what goes into a product with recurrent weights: whoever holds one
            of the two tells the ways through the weights from those beside them.
        watch: Called as (name, value) for a part just made; what it returns goes on. A part that
            another part is made of is watched first, so that its total derivative has that way.
    """

    math: Arithmetic
    weights: Mapping[str, Tensor]
    x: Tensor
    state: Mapping[str, Tensor]
    read: Mapping[str, Tensor]
    options: Options
    activation: str | None
    hidden: int
    watch: Callable[[str, Tensor], Tensor]

    def phi(self, a: Tensor) -> Tensor:
        """Return φ(a) of the cell's chosen activation."""
        return self.math.activate(self.activation, a)

    def from_input(self) -> list[Tensor]:
        """Return W_x x_t + b, one [B,H] for each gate."""
        bias = self.weights.get("bias_ih", 0.0)
        return self.blocks(self.x @ self.weights["weight_ih"].T + bias)

    def from_state(self, name: str = "h") -> list[Tensor]:
        """Return W_h times a part of the state (and a second bias), one [B,H] for each gate."""
        bias = self.weights.get("bias_hh", 0.0)
        return self.blocks(self.read[name] @ self.weights["weight_hh"].T + bias)

    def gates(self) -> list[Tensor]:
        """Return the pre-activations W_x x_t + W_h h_{t−1} + b, one [B,H] for each gate."""
        pairs = zip(self.from_input(), self.from_state(), strict=True)
        return [from_x + from_h for from_x, from_h in pairs]

    def block(self, name: str, index: int) -> Tensor:
        """Return the rows of a parameter that belong to one gate."""
        return self.weights[name][index * self.hidden : (index + 1) * self.hidden]

    def blocks(self, a: Tensor) -> list[Tensor]:
        """Return the columns of a pre-activation, gate by gate."""
        starts = range(0, a.shape[1], self.hidden)
        return [a[:, start : start + self.hidden] for start in starts]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """One cell as its paper has it.

    Attributes:
        shapes: (H, D, options) → shape of each parameter of a layer; biases begin with "bias".
        step: The state after a step.
        states: Parts of the state, as they are handed in and out.
        made: Parts that a step makes and watches; the others are older ones moved on.
        hidden: Parts that a gradient "at the hidden state" is of, side by side.
        defaults: Options and what they are where a configuration says nothing.
        variants: Sets of options on which it is compared, far from the defaults.
        choice: Whether φ can be chosen.
        output: What the layer hands up, from (step, state after it).
        effective: What is multiplied with instead of `weight_hh`, from that parameter.
    """

    shapes: Callable[[int, int, Options], Shapes]
    step: Callable[[Step], State]
    states: Callable[[Options], tuple[str, ...]] = lambda _: ("h",)
    made: tuple[str, ...] = ("h",)
    hidden: tuple[str, ...] = ("h",)
    defaults: Options = field(default_factory=dict)
    variants: tuple[tuple[tuple[str, Any], ...], ...] = ((),)
    choice: bool = False
    output: Callable[[Step, State], Tensor] = lambda _, state: state["h"]
    effective: Callable[[Arithmetic, Tensor, Options], Tensor] | None = None


def gated(gates: int) -> Callable[[int, int, Options], Shapes]:
    """Return the shapes of `gates` blocks that read x, h and 1."""
    return lambda hidden, width, _: affine(gates, hidden, width)


def affine(gates: int, hidden: int, width: int) -> Shapes:
    """Return the shapes of W_x, W_h and b of so many gates."""
    return {
        "weight_ih": (gates * hidden, width),
        "weight_hh": (gates * hidden, hidden),
        "bias_ih": (gates * hidden,),
    }
