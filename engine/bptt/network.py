"""Layers and a read-out over one flat parameter vector.

Optimizers and clipping see the flat vector; everybody else sees PyTorch's names and layout:
`weight_ih_l0` (G·H, D), `weight_hh_l0` (G·H, H), `bias_ih_l0` (G·H,), for the GRU `bias_hh_l0`
(3H,) whose r and z parts are 0, `readout.weight` (K, H), `readout.bias` (K,). What a cell
has beside them is named by it, with the layer: `W_z_l0`, `nu_log_l0`.

A bidirectional layer is two entries of the layer axis, 0 and 0r: the second is a layer of the same
kind that reads the sequence backwards, its parameters named `weight_ih_l0_reverse` and so on. What
is above, the read-out too, reads both side by side, N·H wide with N the number of directions.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import DTypeLike

from engine.arrays import Array, BoolArray, layer_axis, require_shape
from engine.bptt.blocks import aligned_zeros
from engine.bptt.entries import Entry
from engine.bptt.weights import REVERSE, LayerWeights
from engine.cells.base import Cell
from engine.errors import ShapeError, UnknownNameError
from engine.parameter_names import READOUT, READOUT_BIAS, READOUT_WEIGHT


def layer_suffix(parameter: str) -> str:
    """Return what a parameter's name ends with after its stem; empty for the read-out's.

    Example:
        >>> layer_suffix("weight_hh_l0_reverse"), layer_suffix("readout.bias")
        ('_l0_reverse', '')
    """
    _, mark, layer = parameter.rpartition("_l")
    return mark + layer if mark else ""


class Network:
    """A stack of one cell with a linear read-out.

    Attributes:
        layers: One for each entry of the layer axis, 0, 0r, 1, 1r, … where there are two
            directions.
        directions: N, 1 or 2.
        width: N·H, what a layer hands up at a time step.
        backwards: Of each layer, whether it reads the sequence backwards.
        flat: Every parameter, one vector; updated in place, then `prepare()`.
        gradient: dL/dflat, filled by a sweep, zero at what is `closed` and at biases left out.
        parameter_shapes: Public name -> shape.
    """

    def __init__(  # noqa: PLR0913  (what makes a network)
        self,
        cell: Cell,
        *,
        inputs: int,
        hidden: int,
        layers: int = 1,
        outputs: int,
        bias: bool = True,
        bidirectional: bool = False,
        layer_skips: bool = False,
        dtype: DTypeLike = np.float32,
    ) -> None:
        """Lay out a network with all parameters zero.

        Args:
            cell: The recurrent cell of every layer.
            inputs: D.
            hidden: H.
            layers: S.
            outputs: K.
            bias: Whether layers and read-out have biases.
            bidirectional: Whether each layer also reads the sequence backwards.
            layer_skips: Add a layer's input to its output where the widths agree.
            dtype: float32 or float64.
        """
        self.cell, self.inputs, self.hidden, self.outputs = cell, inputs, hidden, outputs
        self.bias, self.dtype = bias, np.dtype(dtype)
        sides = ("", REVERSE) if bidirectional else ("",)
        self.directions, self.width = len(sides), len(sides) * hidden
        self.layers = [
            LayerWeights(cell, f"_l{s}{side}", self.width if s else inputs, hidden, bias)
            for s in range(layers)
            for side in sides
        ]
        self._suffixes = {layer.suffix: index for index, layer in enumerate(self.layers)}
        self.backwards: Sequence[bool] = [layer.reverse for layer in self.layers]
        self.skips = [layer_skips and layer.inputs == self.width for layer in self.layers]
        sizes = [layer.size for layer in self.layers] + [outputs * (self.width + 1)]
        edges = np.cumsum([0, *sizes]).tolist()
        self._squares = np.zeros(edges[-1])
        self._edges = edges
        self._bind(*(aligned_zeros((edges[-1],), self.dtype) for _ in range(2)))
        self.parameter_shapes: Mapping[str, tuple[int, ...]] = MappingProxyType(self._shapes())
        self._square_views = {name: self._merged(name) for name in self.parameter_shapes}
        self.prepare()

    def _bind(self, flat: Array, gradient: Array) -> None:
        self.flat, self.gradient = flat, gradient
        for layer, (start, stop) in zip(self.layers, pairwise(self._edges), strict=False):
            layer.bind(flat[start:stop], gradient[start:stop])
        shape = (self.outputs, self.width + 1)
        self.readout = flat[self._edges[-2] :].reshape(shape)
        self.readout_gradient = gradient[self._edges[-2] :].reshape(shape)

    def move(self, flat: Array, gradient: Array) -> None:
        """Keep parameters and gradient in these vectors from now on, before any sweep is bound."""
        flat[...] = self.flat
        self._bind(flat, gradient)
        self.prepare()

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in self.layers:
            for name, entries in layer.entries.items():
                rows, *columns = next(entry.shape for entry in entries if entry is not None)
                shapes[name] = (len(entries) * rows, *columns)
        shapes[READOUT_WEIGHT] = (self.outputs, self.width)
        if self.bias:
            shapes[READOUT_BIAS] = (self.outputs,)
        return shapes

    def prepare(self) -> None:
        """Renew what is derived from `flat`; call it after every change of `flat`."""
        self._is_outdated = False
        for layer in self.layers:
            layer.prepare()

    def outdate(self) -> None:
        """Say that `flat` has changed: `prepare` is due before the next sweep."""
        self._is_outdated = True

    def renew(self) -> None:
        """Prepare where that is due."""
        if self._is_outdated:
            self.prepare()

    def finish_gradient(self, scale: float | Array) -> None:
        """Make dL/dflat of what a sweep has left.

        Args:
            scale: dL/d of what was swept back.
        """
        for layer in self.layers:
            layer.finish_gradient()
        self.gradient *= scale
        if not self.bias:
            self.readout_gradient[:, self.width] = 0

    @property
    def axis(self) -> tuple[int | str, ...]:
        """Coordinates of the layer axis."""
        return layer_axis(len(self.layers) // self.directions, self.directions > 1)

    def owner(self, parameter: str) -> int | None:
        """Return the layer that a parameter belongs to; None for the read-out's."""
        return self._suffixes.get(layer_suffix(parameter))

    def level(self, index: int) -> range:
        """Return the layers side by side with one of them, itself included."""
        first = index - index % self.directions
        return range(first, first + self.directions)

    def side(self, index: int) -> slice:
        """Return where a layer's output lies in what its level hands up."""
        first = index % self.directions * self.hidden
        return slice(first, first + self.hidden)

    def defined(self, times: Sequence[int], length: int) -> BoolArray:
        """Return which states the loss at a time may depend on, (S, times, T).

        Forwards k ≤ t, backwards k ≥ t; where layers of two directions are stacked every k, since
        what one brings to a state the other carries on.

        Args:
            times: Loss times t, 1 … T.
            length: T, of state times k.
        """
        lags = np.array(times)[:, None] - np.arange(1, length + 1)
        stacked = len(self.layers) > self.directions > 1
        return np.stack(
            [stacked | (lags <= 0 if layer.reverse else lags >= 0) for layer in self.layers]
        )

    def recurrent_blocks(self, layer: int) -> dict[str, Array]:
        """Return W_h of each gate of a layer that has one, as the sweeps multiply, (H, H)."""
        return self.layers[layer].recurrent_blocks()

    def parameters(self) -> dict[str, Array]:
        """Return copies of all parameters in the public layout."""
        return self.named(self.flat)

    def gradients(self) -> dict[str, Array]:
        """Return copies of all gradients in the public layout."""
        return self.named(self.gradient)

    def load(self, parameters: Mapping[str, Array]) -> None:
        """Set all parameters from the public layout.

        Args:
            parameters: One array for each of `parameter_shapes`.

        Raises:
            UnknownNameError: A name that this network lacks, or a missing one.
            ShapeError: An array of another shape, or fixed zeros that are not zero.
        """
        self._check(parameters)
        for name, value in parameters.items():
            for rows, view in self._rectangles(name, self.flat):
                if view is not None:
                    view[...] = value[rows]
                elif np.any(value[rows]):
                    raise ShapeError(f"{name}: rows {rows.start}:{rows.stop} have to be zero")
        self.prepare()

    def _check(self, parameters: Mapping[str, Array]) -> None:
        for name in parameters:
            if name not in self.parameter_shapes:
                raise UnknownNameError("parameter", name, self.parameter_shapes)
        for name, shape in self.parameter_shapes.items():
            if name not in parameters:
                raise ShapeError(f"{name}: expected an array of shape {shape}, got none")
            require_shape(name, parameters[name], shape)

    def gradient_norms(self) -> dict[str, float]:
        """Return ‖∂L/∂P‖ of every parameter P, natural scale."""
        # Squares in float64: those of float32 gradients underflow from 1e-23 down.
        np.multiply(self.gradient, self.gradient, self._squares, dtype=np.float64)
        return {
            name: math.sqrt(sum(float(np.add.reduce(view, axis=None)) for view in views))
            for name, views in self._square_views.items()
        }

    def views(self, vector: Array) -> dict[str, list[Array]]:
        """Return, for each parameter, the views of a vector like `flat` that make it up.

        Each has a row for each unit, or none where the parameter is a vector.
        """
        return {
            name: [view for _, view in self._rectangles(name, vector) if view is not None]
            for name in self.parameter_shapes
        }

    def _merged(self, name: str) -> list[Array]:
        """Return views of the squares that make up a parameter, as few as its gates allow."""
        if name in READOUT:
            return [view for _, view in self._rectangles(name, self._squares) if view is not None]
        layer, matrices = self._layer_of(name, self._squares)
        found = [entry for entry in layer.entries[name] if entry is not None]
        merged: list[Entry] = []
        for entry in sorted(found, key=lambda e: (e.matrix, e.rows.start)):
            last = merged[-1] if merged else None
            if last and last.matrix == entry.matrix and last.rows.stop == entry.rows.start:
                whole = slice(last.rows.start, entry.rows.stop)
                merged[-1] = Entry(entry.matrix, whole, entry.columns)
            else:
                merged.append(entry)
        return [entry.of(matrices) for entry in merged]

    def _layer_of(self, name: str, vector: Array) -> tuple[LayerWeights, list[Array]]:
        """Return the layer that a parameter belongs to, and its matrices in a flat vector."""
        index = self._suffixes[layer_suffix(name)]
        layer = self.layers[index]
        return layer, layer.matrices(vector[self._edges[index] : self._edges[index + 1]])

    def named(self, vector: Array) -> dict[str, Array]:
        """Return copies of the parts of a vector like `flat` in the public layout."""
        found = {}
        for name, shape in self.parameter_shapes.items():
            public = np.zeros(shape, self.dtype)
            for rows, view in self._rectangles(name, vector):
                if view is not None:
                    public[rows] = view
            found[name] = public
        return found

    def _rectangles(self, name: str, vector: Array) -> list[tuple[slice, Array | None]]:
        """Return (rows of the public parameter, view of `vector`) pairs that make it up."""
        if name in READOUT:
            matrix = vector[self._edges[-2] :].reshape(self.outputs, self.width + 1)
            column = slice(0, self.width) if name == READOUT_WEIGHT else self.width
            return [(slice(0, self.outputs), matrix[:, column])]
        layer, matrices = self._layer_of(name, vector)
        pairs: list[tuple[slice, Array | None]] = []
        for block, entry in enumerate(layer.entries[name]):
            rows = slice(block * self.hidden, (block + 1) * self.hidden)
            pairs.append((rows, None if entry is None else entry.of(matrices)))
        return pairs
