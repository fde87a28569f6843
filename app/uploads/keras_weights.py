"""Weights of Keras' SimpleRNN, LSTM and GRU, by their names or in the order of get_weights()."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.uploads.errors import UploadError, at
from app.uploads.recognised import (
    CELL_OF_GATES,
    Recognised,
    Wanted,
    gates_of,
    misfits,
    natural,
)
from app.uploads.tensors import Tensor, Tensors
from engine import READOUT_BIAS, READOUT_WEIGHT, Problem

KEY: Final = re.compile(r"(?:(?P<parent>.*)[/.])?(?P<part>kernel|recurrent_kernel|bias)(?::0)?")
PLACE: Final = re.compile(r"arr_(\d+)")
BACKWARD: Final = re.compile(r"backward")
NUMBER: Final = re.compile(r"_?\d+")
ORDER: Final = {"gru": (1, 0, 2)}
"""Keras' blocks in the engine's order where they differ: z, r, h there, r, z, n here."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The tensors of one Keras layer, or of one direction of it."""

    name: str
    parts: Mapping[str, Tensor]

    @property
    def is_recurrent(self) -> bool:
        """Whether it multiplies a state."""
        return "recurrent_kernel" in self.parts

    @property
    def is_backward(self) -> bool:
        """Whether it reads the sequence from its end."""
        return BACKWARD.search(self.name) is not None


def is_keras(tensors: Tensors) -> bool:
    """Say whether names or order are Keras'."""
    return all(PLACE.fullmatch(name) for name in tensors) or any(
        (match := KEY.fullmatch(name)) and match["part"] == "recurrent_kernel" for name in tensors
    )


def recognise_keras(tensors: Tensors, wanted: Wanted) -> Recognised:
    """Return the network whose weights these are.

    Raises:
        UploadError: There is none, or its shapes do not fit together.
    """
    by_place = all(PLACE.fullmatch(name) for name in tensors)
    layers = list(_in_order(tensors) if by_place else _by_name(tensors))
    if not any(layer.is_recurrent for layer in layers):
        raise UploadError("no recurrent layer: expected kernel and recurrent_kernel matrices")
    forward, backward = _directions(layers, by_place=by_place)
    found = _network(forward, backward)
    dense = [layer for layer in layers if not layer.is_recurrent]
    used = {tensor.name for layer in layers for tensor in layer.parts.values()}
    others = sorted(set(tensors) - used)
    if wanted.readout == "none":
        of_dense = [each.name for layer in dense for each in layer.parts.values()]
        found.left_out = sorted([*of_dense, *others])
    elif len(dense) > 1 or others:
        told = ", ".join([*(layer.name for layer in dense), *others][:12])
        raise UploadError(
            f"beside the recurrent layers there is more than one Dense read-out: {told}; "
            "readout=none takes the recurrent layers alone"
        )
    elif dense:
        _add_readout(found, dense[0])
    found.fill_biases()
    return found


def _by_name(tensors: Tensors) -> Iterator[Layer]:
    groups: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if match := KEY.fullmatch(name):
            groups.setdefault(match["parent"] or "", {})[match["part"]] = tensor
    for name in sorted(groups, key=natural):
        if "kernel" in groups[name]:
            yield Layer(name, groups[name])


def _in_order(tensors: Tensors) -> Iterator[Layer]:
    """Yield layers of an archive that only counts its arrays, as np.savez(*get_weights()) does."""
    rest = [tensors[name] for name in sorted(tensors, key=natural)]
    while rest:
        first, parts = rest[0], {"kernel": rest[0]}
        if first.ndim != 2:
            raise UploadError([at(first.name, f"expected a kernel, got shape {first.shape}")])
        used = 1
        if len(rest) > 1 and rest[1].ndim == 2 and _may_recur(first, rest[1]):
            parts["recurrent_kernel"], used = rest[1], 2
        columns = first.shape[1]
        if len(rest) > used and rest[used].shape in ((columns,), (2, columns)):
            parts["bias"] = rest[used]
            used += 1
        yield Layer(first.name, parts)
        rest = rest[used:]


def _may_recur(kernel: Tensor, recurrent: Tensor) -> bool:
    """Say whether two matrices in a row are those of one recurrent layer."""
    rows, columns = recurrent.shape
    return columns == kernel.shape[1] and rows > 0 and columns in (rows, 3 * rows, 4 * rows)


def _directions(layers: list[Layer], *, by_place: bool) -> tuple[list[Layer], list[Layer]]:
    """Return the recurrent layers from the first up, and those that read backwards."""
    recurrent = [layer for layer in layers if layer.is_recurrent]
    if by_place:
        both = _reads_both_ways(layers, recurrent)
        return (recurrent[::2], recurrent[1::2]) if both else (recurrent, [])
    backward = [layer for layer in recurrent if layer.is_backward]
    forward = [layer for layer in recurrent if not layer.is_backward]
    if backward and len(backward) != len(forward):
        detail = f"{len(forward)} layers read forwards and {len(backward)} backwards"
        raise UploadError(f"expected every layer to read both ways, but {detail}")
    if len({NUMBER.sub("", layer.name) for layer in forward}) > 1:
        told = ", ".join(repr(layer.name) for layer in forward[:12])
        raise UploadError(
            f"which layer comes first cannot be told from their names: {told}; expected names "
            "that differ by numbers alone, or the arrays of get_weights() in their order"
        )
    return forward, backward


def _reads_both_ways(layers: list[Layer], recurrent: list[Layer]) -> bool:
    """Say whether arrays in the order of get_weights() are those of layers that read both ways.

    The second layer reads what the first does, then: in a plain stack it reads the first one's
    states. Where both are of one width, what reads the two tells.

    Raises:
        UploadError: Nothing tells.
    """
    if len(recurrent) % 2:
        return False
    first, second = (layer.parts["kernel"].shape[0] for layer in recurrent[:2])
    hidden = recurrent[0].parts["recurrent_kernel"].shape[0]
    if first != hidden or second != hidden:
        return first == second
    rest = layers[layers.index(recurrent[1]) + 1 :]
    width = rest[0].parts["kernel"].shape[0] if rest else None
    if width not in (hidden, 2 * hidden):
        raise UploadError(
            f"two layers of {hidden} units after {hidden} inputs may be a stack, or one layer that "
            "reads both ways, and the order of the arrays does not tell; give them Keras' names"
        )
    return width == 2 * hidden


def _network(forward: list[Layer], backward: list[Layer]) -> Recognised:
    kernel, recurrent = (forward[0].parts[part] for part in ("kernel", "recurrent_kernel"))
    if kernel.ndim != 2 or recurrent.ndim != 2:
        raise UploadError([at(recurrent.name, f"expected matrices, got shape {recurrent.shape}")])
    hidden = recurrent.shape[0]
    gates = gates_of(recurrent.name, recurrent.shape[1], hidden)
    cell = CELL_OF_GATES[gates]
    every = (*forward, *backward)
    biases = {layer.parts["bias"].shape for layer in every if "bias" in layer.parts}
    before = cell == "gru" and biases == {(gates * hidden,)}
    found = Recognised(
        source="keras",
        cell=cell,
        hidden=hidden,
        layers=len(forward),
        inputs=kernel.shape[0],
        bidirectional=bool(backward),
        bias=bool(biases),
        options={"reset": "before"} if before else {},
        prefix=forward[0].name,
    )
    faults: list[Problem] = []
    ways = 2 if backward else 1
    for direction, layers in (("", forward), ("_reverse", backward)):
        for number, layer in enumerate(layers):
            width = found.inputs if number == 0 else hidden * ways
            faults += _faults(layer, width, found, gates)
            if not faults:
                _add_layer(found, layer, f"_l{number}{direction}", gates)
    if faults:
        raise UploadError(faults)
    return found


def _faults(layer: Layer, width: int, found: Recognised, gates: int) -> Iterator[Problem]:
    columns = gates * found.hidden
    shapes: dict[str, tuple[int, ...]] = {
        "kernel": (width, columns),
        "recurrent_kernel": (found.hidden, columns),
    }
    if found.bias:
        twice = found.cell == "gru" and not found.options
        shapes["bias"] = (2, columns) if twice else (columns,)
    yield from misfits(
        {f"{layer.name}/{part}": tensor for part, tensor in layer.parts.items()},
        [(f"{layer.name}/{part}", shape) for part, shape in shapes.items()],
    )


def _add_layer(found: Recognised, layer: Layer, end: str, gates: int) -> None:
    hidden, rows = found.hidden, gates * found.hidden
    order = ORDER.get(found.cell, tuple(range(gates)))

    def blocks(values: NDArray[Any]) -> NDArray[Any]:
        """Return rows of gates in the engine's order."""
        return np.concatenate([values[g * hidden : (g + 1) * hidden] for g in order])

    for part, public in (("kernel", "weight_ih"), ("recurrent_kernel", "weight_hh")):
        tensor = layer.parts[part]
        shape = (rows, tensor.shape[0])
        found.add(public + end, shape, lambda tensor=tensor: blocks(tensor.whole().T))  # type: ignore[misc]  # bound now
    if not found.bias:
        return
    bias = layer.parts["bias"]

    def given() -> NDArray[Any]:
        values = bias.whole().astype(np.float64)
        return np.stack([blocks(each) for each in np.atleast_2d(values)])

    if bias.ndim == 1:
        found.add("bias_ih" + end, (rows,), lambda: given()[0])
        return
    apart = 2 * hidden  # the candidate's second bias stands by itself
    found.add(
        "bias_ih" + end,
        (rows,),
        lambda: np.concatenate([given()[:, :apart].sum(axis=0), given()[0, apart:]]),
    )
    found.add(
        "bias_hh" + end,
        (rows,),
        lambda: np.concatenate([np.zeros(apart), given()[1, apart:]]),
    )


def _add_readout(found: Recognised, dense: Layer) -> None:
    kernel = dense.parts["kernel"]
    outputs = kernel.shape[-1]
    shapes: dict[str, tuple[int, ...]] = {"kernel": (found.width, outputs)}
    if "bias" in dense.parts:
        shapes["bias"] = (outputs,)
    faults = misfits(
        {f"{dense.name}/{part}": tensor for part, tensor in dense.parts.items()},
        [(f"{dense.name}/{part}", shape) for part, shape in shapes.items()],
    )
    if told := list(faults):
        raise UploadError(told)
    found.add(READOUT_WEIGHT, (outputs, found.width), lambda: kernel.whole().T)
    if "bias" in dense.parts:
        found.add(READOUT_BIAS, (outputs,), dense.parts["bias"].whole)
    found.outputs, found.readout = outputs, dense.name
