"""Rows of the loss-state matrix: how the loss of one time step reaches every state before it."""

from collections.abc import Sequence

import numpy as np

from engine.arrays import Array
from engine.statistics.base import Observed


def loss_rows(observation: Observed, times: Sequence[int]) -> Array:
    """Return log10 of the mean over samples of ‖dℓ_t/dh_k‖ for loss times `times`, [S, R, T].

    A row at whose time nothing is asked is exactly zero (−inf); k > t is not defined (NaN), of a
    layer that reads backwards k < t, and in a stack of layers of two directions every k is.
    Where the loss asks at one time alone, its row is the gradient of the whole loss, which the
    sweep has left already.

    Args:
        observation: The sweep to look at.
        times: Loss times, 1 … T, ascending.
    """
    asked = observation.asked_times
    defined = observation.network.defined(times, observation.length)
    rows = np.where(defined, -np.inf, np.nan)
    wanted = [row for row, time in enumerate(times) if time in asked]
    if len(asked) == 1 and wanted:
        own = wanted[0]
        np.copyto(rows[:, own], observation.log10_hidden_norm_means, where=defined[:, own])
    elif wanted:
        rows[:, wanted] = observation.loss_state([times[row] for row in wanted])
    return rows
