"""Activations and numbers for any array module that can differentiate.

`xp` is `torch` or `autograd.numpy`; only functions that both have under one name are used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Tensor = Any  # a torch.Tensor or an autograd box: the equations are the same
ArrayModule = Any  # torch or autograd.numpy

LEAKY_SLOPE = 0.2
"""Far from the default of 0.01: an ignored option shows."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """An array module, and how it makes a constant of a NumPy array."""

    xp: ArrayModule
    constant: Callable[..., Tensor]

    def sigmoid(self, a: Tensor) -> Tensor:
        """Return 1/(1 + e^−a)."""
        return 1.0 / (1.0 + self.xp.exp(-a))

    def tanh(self, a: Tensor) -> Tensor:
        """Return tanh a."""
        return self.xp.tanh(a)

    def activate(self, name: str | None, a: Tensor) -> Tensor:
        """Return φ(a); at a kink φ′ is the slope of the negative side, as in PyTorch."""
        if name is None or name not in ACTIVATIONS:
            raise ValueError(f"no equation for the activation {name!r}")
        return ACTIVATIONS[name](self.xp, a)


def _smaller(xp: ArrayModule, a: Tensor) -> Tensor:
    """Return min(a, 0), so that an exponential of it stays finite on the side not taken."""
    return xp.where(a > 0, 0.0 * a, a)


ACTIVATIONS: Mapping[str, Callable[[ArrayModule, Tensor], Tensor]] = MappingProxyType(
    {
        "sigmoid": lambda xp, a: 1.0 / (1.0 + xp.exp(-a)),
        "tanh": lambda xp, a: xp.tanh(a),
        "relu": lambda xp, a: xp.where(a > 0, a, 0.0 * a),
        "leaky_relu": lambda xp, a: xp.where(a > 0, a, LEAKY_SLOPE * a),
        "elu": lambda xp, a: xp.where(a > 0, a, xp.exp(_smaller(xp, a)) - 1.0),
        "softplus": lambda xp, a: xp.log(1.0 + xp.exp(a)),
        "hard_tanh": lambda xp, a: xp.where(a > 1, 0.0 * a + 1, xp.where(a < -1, 0.0 * a - 1, a)),
        "softsign": lambda xp, a: a / (1.0 + xp.abs(a)),
        "identity": lambda _, a: a,
    }
)
