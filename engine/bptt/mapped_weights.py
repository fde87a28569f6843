"""Recurrent weights of one layer that are a function of a stored parameter.

The flat vector holds the parameter in the place of the first gate's W_h; the sweeps multiply with
matrices of their own, in which every gate's W_h is the effective W. Gradients go the other way:

    ∂L/∂W = Σ over gates of the gradients of their W_h             (1)
    the parameter's gradient is what the map's way back makes of it (2)
"""

from collections.abc import Sequence

import numpy as np

from engine.arrays import Array
from engine.bptt.entries import Entry
from engine.cells.weight_maps import WeightMap


class MappedWeights:
    """The matrices that the sweeps multiply with, beside what is stored."""

    def __init__(self, weight_map: WeightMap, places: Sequence[Entry]) -> None:
        """Map the parameter at the first of `places` to all of them.

        Args:
            weight_map: From the parameter to W.
            places: Where each gate's W_h lies.
        """
        self._map, self._places = weight_map, places

    def bind(
        self,
        stored: Sequence[Array],
        stored_gradients: Sequence[Array],
        effective: Sequence[Array],
        gradients: Sequence[Array],
    ) -> None:
        """Take the matrices of the layer's products: stored ones, and those of the sweeps."""
        self._stored, self._stored_gradients = stored, stored_gradients
        self._effective, self._gradients = effective, gradients

    def prepare(self) -> None:
        """Renew the effective matrices from what is stored."""
        for matrix, parameter in zip(self._effective, self._stored, strict=True):
            np.copyto(matrix, parameter)
        first = self._places[0]
        with np.errstate(over="ignore", invalid="ignore"):
            self._mapped = self._map(first.of(self._stored).astype(np.float64))
        for place in self._places:
            place.of(self._effective)[...] = self._mapped.weights

    def pull_back(self) -> None:
        """Turn the gradients that a sweep has left into those of what is stored."""
        for matrix, gradient in zip(self._stored_gradients, self._gradients, strict=True):
            np.copyto(matrix, gradient)
        for place in self._places[1:]:
            place.of(self._stored_gradients)[...] = 0
        shares = [place.of(self._gradients).astype(np.float64) for place in self._places]
        with np.errstate(over="ignore", invalid="ignore"):
            found = self._mapped.pull_back(np.sum(shares, axis=0))  # (1), (2)
        self._places[0].of(self._stored_gradients)[...] = found
