"""The parameters that a caller hands in, with PyTorch's names and its second biases."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from engine.arrays import Array, require_shape
from engine.bptt.entries import Entry
from engine.bptt.network import Network
from engine.bptt.weights import REVERSE
from engine.cells.base import Cell
from engine.errors import ShapeError, UnknownNameError
from engine.parameter_names import READOUT_WEIGHT

Piece = tuple[slice, int, slice, slice | int]
"""Public rows, product, its out rows, its columns: a rectangle that makes up a parameter."""


def sized_by(cell: Cell) -> tuple[str, int]:
    """Return a parameter that every layer has, and how many blocks of H rows it has."""
    if not cell.gates:
        return next(iter(cell.diagonals)), 1
    if cell.weight_map is None and cell.recurrent_gates:
        return "weight_hh", len(cell.recurrent_gates)
    return "weight_ih", len(cell.gates)


class GivenParameters:
    """The caller's parameters: sizes, and the second biases that PyTorch's modules carry."""

    def __init__(self, parameters: Mapping[str, ArrayLike], cell: Cell) -> None:
        self.given = {name: np.asarray(value, np.float64) for name, value in parameters.items()}
        self.gates = len(cell.gates)
        name, blocks = sized_by(cell)
        of_layers = [key for key in self.given if key.startswith(f"{name}_l")]
        self.bidirectional = f"{name}_l0{REVERSE}" in self.given
        self.layers = sum(not key.endswith(REVERSE) for key in of_layers)
        if f"{name}_l0" not in self.given:
            raise ShapeError(f"{name}_l0: expected among the parameters, got none")
        first = self.given[f"{name}_l0"]
        self.hidden = len(first) // blocks if first.ndim and first.size else 0
        if not self.hidden:
            wanted = "H" if blocks == 1 else f"{blocks}·H"
            raise ShapeError(f"{name}_l0: expected {wanted} rows, H ≥ 1, got shape {first.shape}")
        self.second = any(cell.gate_rows(gate).second_bias for gate in cell.gates)
        self.has_readout = READOUT_WEIGHT in self.given
        self.outputs = 0
        if self.has_readout:
            readout = self.given[READOUT_WEIGHT]
            if readout.ndim != 2 or not readout.size:
                raise ShapeError(f"{READOUT_WEIGHT}: expected shape (K, H), got {readout.shape}")
            self.outputs = readout.shape[0]
        self.bias = any("bias" in name for name in self.given)

    def load(self, network: Network) -> None:
        """Set the network's parameters, second biases added where they belong."""
        for name in self.given:
            self._check_name(network, name)
        ready = {name: np.zeros(shape) for name, shape in network.parameter_shapes.items()}
        for name, value in self.given.items():
            if not name.startswith("bias_hh"):
                require_shape(name, value, network.parameter_shapes[name])
                ready[name] += value
                continue
            require_shape(name, value, (self.gates * self.hidden,))
            cut = self._cut()
            ready[name.replace("hh", "ih")][:cut] += value[:cut]
            if self.second:
                ready[name][cut:] = value[cut:]
        network.load(ready)

    def _check_name(self, network: Network, name: str) -> None:
        known = set(network.parameter_shapes) | {f"bias_hh{x.suffix}" for x in network.layers}
        if name not in known:
            raise UnknownNameError("parameter", name, sorted(known))
        for required in network.parameter_shapes:
            if not required.startswith(("bias", "readout")) and required not in self.given:
                raise ShapeError(f"{required}: expected among the parameters, got none")

    def _cut(self) -> int:
        """Return how many rows of a bias_hh act as those of b do; b_hn stands by itself."""
        return (self.gates - 1 if self.second else self.gates) * self.hidden

    def gradients(self, network: Network) -> dict[str, Array]:
        """Return the gradient of every parameter that was given."""
        found = network.gradients()
        cut = self._cut()
        for name in self.given:
            if name.startswith("bias_hh"):
                first = found[name.replace("hh", "ih")]
                rest = found[name][cut:] if self.second else first[cut:]
                found[name] = np.concatenate([first[:cut], rest])
        return {name: found[name] for name in self.given}

    def pieces(self, network: Network, name: str) -> list[Piece]:
        """Return the rectangles that make up a parameter."""
        layer = network.layers[network.owner(name) or 0]
        blocks = layer.effective(name)
        if name.startswith("bias_hh"):  # PyTorch's: of the gates' sums too, beside b_hn
            own = [entry for _, entry in blocks] or [None] * self.gates
            first = layer.entries[name.replace("hh", "ih")]
            blocks = list(enumerate(b if a is None else a for a, b in zip(own, first, strict=True)))
        return pieces_of(blocks, self.hidden)


def own_pieces(network: Network, name: str) -> list[Piece]:
    """Return the rectangles that make up a parameter of the network's own."""
    layer = network.layers[network.owner(name) or 0]
    return pieces_of(layer.effective(name), network.hidden)


def pieces_of(blocks: Sequence[tuple[int, Entry | None]], H: int) -> list[Piece]:
    """Return the rectangles of a parameter's blocks."""
    return [
        (slice(block * H, (block + 1) * H), entry.matrix, entry.rows, entry.columns)
        for block, entry in blocks
        if entry is not None
    ]
