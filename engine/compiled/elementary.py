"""Elementary functions that vectorise.

In float32 tanh is a rational function, x P(x²) / Q(x²), fitted for the least relative error on
|x| ≤ 9.02, from where on tanh rounds to ±1: 2e-8 by the fit, 3e-7 with all roundings. In float64
it is the C library's.
"""

import math

import numpy as np
from numba import types
from numba.extending import overload

LIMIT = np.float32(9.02)
ONE = np.float32(1)
P0 = np.float32(0.9999999790104218)
P1 = np.float32(0.13379717787805812)
P2 = np.float32(0.003494034369763146)
P3 = np.float32(2.0583477495743214e-05)
P4 = np.float32(1.3319065049770656e-08)
Q1 = np.float32(0.46713033027111256)
Q2 = np.float32(0.02587107250379435)
Q3 = np.float32(0.00032830925043443024)
Q4 = np.float32(7.762016998103622e-07)


def tanh(x: float) -> float:
    """Return tanh x; compiled for the type of x."""
    return math.tanh(x)


@overload(tanh)
def _tanh(x):
    if x != types.float32:
        return lambda x: math.tanh(x)

    def rational(x):
        # Comparisons that are false for NaN keep it.
        x = LIMIT if x > LIMIT else x
        x = -LIMIT if x < -LIMIT else x
        u = x * x
        p = (((P4 * u + P3) * u + P2) * u + P1) * u + P0
        q = (((Q4 * u + Q3) * u + Q2) * u + Q1) * u + ONE
        y = x * p / q
        y = ONE if y > ONE else y
        return -ONE if y < -ONE else y

    return rational
