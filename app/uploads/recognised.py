"""What a model's file turns out to be: a cell, its sizes, and its weights in the engine's names."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import engine
from app.uploads.errors import UploadError, at
from app.uploads.tensors import Tensor
from engine import READOUT_BIAS, READOUT_WEIGHT, Problem

CELL_OF_GATES: Final = {1: "elman", 3: "gru", 4: "lstm"}
DOUBLE: Final = np.dtype("<f8")
SINGLE: Final = np.dtype("<f4")

Make = Callable[[], NDArray[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the user says of a file that says nothing of it itself.

    Attributes:
        cell: Refuse any other.
        activation: Of a plain recurrent network.
        prefix: Which of several recurrent networks.
        readout: Which of several linear layers is the read-out; "none" for none of them.
    """

    cell: str | None = None
    activation: str | None = None
    prefix: str | None = None
    readout: str | None = None


@dataclass(slots=True)
class Recognised:
    """A recurrent network with what was found out about it.

    Attributes:
        source: "pytorch" or "keras".
        cell: The engine's name of the cell.
        hidden: Units H of a layer in one direction.
        inputs, outputs: D, and K where there is a read-out.
        options: What the cell is told beside its weights.
        prefix, readout: The names that the recurrent layers and the read-out had in the file.
        weights: How each weight is made, by the engine's name, with its shape.
        left_out: Names of the file's tensors that were not used.
    """

    source: str
    cell: str
    hidden: int
    layers: int
    inputs: int
    bidirectional: bool
    bias: bool
    options: dict[str, Any] = field(default_factory=dict)
    outputs: int | None = None
    prefix: str = ""
    readout: str | None = None
    weights: dict[str, tuple[tuple[int, ...], Make]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    @property
    def width(self) -> int:
        """How much the top layer hands to a read-out."""
        return self.hidden * (2 if self.bidirectional else 1)

    def add(self, name: str, shape: tuple[int, ...], make: Make) -> None:
        """Add a weight."""
        self.weights[name] = (shape, make)

    def fill_biases(self) -> None:
        """Give zeros to what has no bias where another part has one: it counts for both."""
        gates = next(gates for gates, cell in CELL_OF_GATES.items() if cell == self.cell)
        if self.bias and READOUT_WEIGHT in self.weights and READOUT_BIAS not in self.weights:
            self.add(READOUT_BIAS, (self.outputs or 0,), zeros((self.outputs or 0,)))
        if self.bias or READOUT_BIAS not in self.weights:
            return
        self.bias = True
        rows = (gates * self.hidden,)
        for name in [name for name in self.weights if name.startswith("weight_ih")]:
            self.add(name.replace("weight", "bias"), rows, zeros(rows))
            if self.cell == "gru" and self.options.get("reset", "after") == "after":
                self.add(name.replace("weight_ih", "bias_hh"), rows, zeros(rows))

    def described(self, activation: str | None) -> dict[str, Any]:
        """Return the description of the model, its part of a configuration in it.

        Raises:
            UploadError: No configuration could have such a model.
        """
        model: dict[str, Any] = {
            "cell": self.cell,
            "hidden_size": self.hidden,
            "layers": self.layers,
            "bidirectional": self.bidirectional,
            "bias": self.bias,
            "options": self.options,
        }
        if activation is not None:
            model["activation"] = activation
        try:
            config = engine.RunConfig.from_dict({"task": {"kind": "adding"}, "model": model})
        except engine.ConfigError as err:
            told = [Problem("", f"{p.pointer}: {p.detail}") for p in err.problems]
            raise UploadError(told) from err
        complete: dict[str, Any] = config.to_dict()["model"]  # type: ignore[assignment]  # an object
        return {
            "source": self.source,
            "prefix": self.prefix,
            "readout": self.readout,
            "left_out": self.left_out,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "model": {key: complete[key] for key in (*model, "activation")},
            "parameters": {name: list(shape) for name, (shape, _) in self.weights.items()},
        }


def zeros(shape: tuple[int, ...]) -> Make:
    """Return what makes zeros."""
    return lambda: np.zeros(shape)


def gates_of(name: str, rows: int, hidden: int) -> int:
    """Return how many gates a recurrent matrix of so many rows has.

    Raises:
        UploadError: Another number than a known cell's.
    """
    gates, rest = divmod(rows, hidden) if hidden else (0, 1)
    if rest or gates not in CELL_OF_GATES:
        detail = (
            f"expected G·H rows or columns for H = {hidden}, with G of 1 (a plain RNN), 3 (a GRU) "
            f"or 4 (an LSTM), got {rows}"
        )
        raise UploadError([at(name, detail)])
    return gates


def misfits(
    tensors: Mapping[str, Tensor], expected: Iterable[tuple[str, tuple[int, ...]]]
) -> Iterator[Problem]:
    """Yield the weights that are missing, of another shape, or no floating-point numbers."""
    for name, shape in expected:
        tensor = tensors.get(name)
        if tensor is None:
            yield at(name, f"expected {shape}, but it is not in the file")
        elif tensor.shape != shape:
            yield at(name, f"expected shape {shape}, got {tensor.shape}")
        elif not tensor.is_real:
            yield at(name, f"expected floating-point numbers, got {tensor.dtype}")


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key by which "layer_2" comes before "layer_10".

    A number is told by its digits: one of thousands of them is none that Python reads.
    """
    parts = [part for part in re.split(r"(\d+)", name) if part]
    digits = [part.lstrip("0") if part.isdecimal() else None for part in parts]
    return [
        (-1, part) if number is None else (len(number), number)
        for part, number in zip(parts, digits, strict=True)
    ]


def one_of(what: str, found: Iterable[str], wanted: str | None, parameter: str) -> str:
    """Return the one that is there, or the one that is wanted.

    Raises:
        UploadError: There are several and none is named, or the named one is not there.
    """
    names = sorted(found, key=natural)
    shown = ", ".join(repr(name) for name in names)
    if wanted is not None:
        if wanted not in names:
            raise UploadError([at(parameter, f"no {what} {wanted[:80]!r}; there are {shown}")])
        return wanted
    if len(names) > 1:
        raise UploadError(f"{len(names)} of a {what}: {shown}; say which by {parameter}=…")
    return names[0]
