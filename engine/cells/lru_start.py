"""How the parameters of a linear recurrent unit start.

    |λ|² uniform on [0, 1], phases uniform on [0, 2π]              (1)
    γ = √(1 - |λ|²), so that a unit fed with noise has variance 1  (2)
    B normal, real and imaginary parts of variance 1/(2D)          (3)
    C and D normal, variances 1/H and 1/D                          (4)

Source: Orvieto et al. 2023, arXiv:2303.06349, the code of its appendix with r_min = 0, r_max = 1
    and the largest phase 2π.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from engine.initializers import FollowingStart, OwnStart, Start
from engine.initializers.base import Doubles

FULL_TURN = 2 * np.pi

# Far from the ends of [0, 1], at which a logarithm would be infinite.
SMALLEST_SHARE = 1e-12


def nu_log(start: Start, rng: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
    """Draw ν of (1)."""
    share = np.clip(rng.uniform(0, 1, shape), SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    return np.log(-0.5 * np.log(share))


def theta_log(start: Start, rng: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
    """Draw θ of (1)."""
    return np.log(FULL_TURN * np.maximum(rng.uniform(0, 1, shape), SMALLEST_SHARE))


def gamma_log(drawn: Mapping[str, Doubles]) -> Doubles:
    """Return g of (2)."""
    found: Doubles = 0.5 * np.log(-np.expm1(-2 * np.exp(drawn["nu_log"])))
    return found


def complex_normal(start: Start, rng: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
    """Draw a part of complex weights, (3)."""
    return rng.normal(0, 1 / math.sqrt(2 * shape[1]), shape)


def normal(start: Start, rng: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
    """Draw weights of variance 1/columns, (4)."""
    return rng.normal(0, 1 / math.sqrt(shape[1]), shape)


OWN_STARTS: Mapping[str, OwnStart] = MappingProxyType(
    {
        "B_re": complex_normal,
        "B_im": complex_normal,
        "C_re": normal,
        "C_im": normal,
        "D": normal,
        "nu_log": nu_log,
        "theta_log": theta_log,
    }
)
FOLLOWING_STARTS: Mapping[str, FollowingStart] = MappingProxyType({"gamma_log": gamma_log})
