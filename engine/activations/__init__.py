"""Activation functions φ by name, with their derivatives taken from the value φ(a)."""

from collections.abc import Mapping
from types import MappingProxyType

from engine.activations.base import Activation
from engine.activations.piecewise import (
    HARD_TANH,
    IDENTITY,
    LEAKY_RELU,
    LEAKY_SLOPE,
    RELU,
    make_leaky_relu,
)
from engine.activations.smooth import ELU, SIGMOID, SOFTPLUS, SOFTSIGN, TANH
from engine.errors import ConfigError, Problem, UnknownNameError

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "tanh": TANH,
        "sigmoid": SIGMOID,
        "relu": RELU,
        "leaky_relu": LEAKY_RELU,
        "elu": ELU,
        "softplus": SOFTPLUS,
        "hard_tanh": HARD_TANH,
        "softsign": SOFTSIGN,
        "identity": IDENTITY,
    }
)


def make_activation(choice: str | Mapping[str, object] | Activation) -> Activation:
    """Return the activation that a configuration names.

    Args:
        choice: A name, or a mapping with `kind` and, for `leaky_relu`, `slope` in [0, 1).

    Raises:
        UnknownNameError: No activation has that name.
        ConfigError: `slope` lies outside of its range, or an option is not known.
    """
    if isinstance(choice, Activation):
        return choice
    options = {"kind": choice} if isinstance(choice, str) else dict(choice)
    kind = options.pop("kind", None)
    if not isinstance(kind, str) or kind not in ACTIVATIONS:
        raise UnknownNameError("activation", kind, ACTIVATIONS)
    slope = options.pop("slope", LEAKY_SLOPE) if kind == "leaky_relu" else None
    if options:
        raise ConfigError(
            [Problem(f"/{key}", f"not an option of the activation {kind!r}") for key in options]
        )
    if slope is None:
        return ACTIVATIONS[kind]
    if isinstance(slope, bool) or not isinstance(slope, int | float) or not 0 <= slope < 1:
        raise ConfigError([Problem("/slope", f"expected a number in [0, 1), got {slope!r}")])
    return make_leaky_relu(float(slope))


__all__ = ["ACTIVATIONS", "LEAKY_SLOPE", "Activation", "make_activation"]
