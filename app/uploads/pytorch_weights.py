"""A state_dict of nn.RNN, nn.LSTM or nn.GRU, whatever module it stood in."""

import re
from collections.abc import Iterator, Mapping
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
    one_of,
)
from app.uploads.tensors import Tensor, Tensors
from engine import READOUT_BIAS, READOUT_WEIGHT

KEY: Final = re.compile(
    r"(?:(?P<prefix>.+)\.)?(?P<part>(?:weight|bias)_(?:ih|hh)|weight_hr)"
    r"(?:_l(?P<layer>\d{1,9})(?P<reverse>_reverse)?)?"
)
NO_READOUT: Final = "none"
REVERSE: Final = "_reverse"
MOST_LAYERS: Final = 64  # of which faults are told


def is_pytorch(tensors: Tensors) -> bool:
    """Say whether any name is one that PyTorch gives to recurrent weights."""
    return any(KEY.fullmatch(name) for name in tensors)


def recognise_pytorch(tensors: Tensors, wanted: Wanted) -> Recognised:
    """Return the network that a state_dict holds.

    Raises:
        UploadError: There is none, several, or its shapes do not fit together.
    """
    groups: dict[str, dict[str, str]] = {}
    for name in tensors:
        if match := KEY.fullmatch(name):
            layer = f"_l{match['layer'] or 0}{match['reverse'] or ''}"
            group = groups.setdefault(match["prefix"] or "", {})
            group[match["part"] + layer] = name
    prefix = one_of("recurrent network", groups, wanted.prefix, "prefix")
    own = {key: tensors[name] for key, name in groups[prefix].items()}
    found = _network(own, prefix)
    others = {name: each for name, each in tensors.items() if name not in groups[prefix].values()}
    _add_readout(found, others, wanted.readout)
    found.fill_biases()
    return found


def _network(own: Mapping[str, Tensor], prefix: str) -> Recognised:
    read, first = (_matrix(own, key) for key in ("weight_ih_l0", "weight_hh_l0"))
    hidden = first.shape[1]
    gates = gates_of(first.name, first.shape[0], hidden)
    numbers = [int(key.removesuffix(REVERSE).rpartition("_l")[2]) for key in own]
    found = Recognised(
        source="pytorch",
        cell=CELL_OF_GATES[gates],
        hidden=hidden,
        layers=1 + max(numbers),
        inputs=read.shape[1],
        bidirectional=any(key.endswith(REVERSE) for key in own),
        bias=any(key.startswith("bias") for key in own),
        prefix=prefix,
    )
    expected = dict(_expected(found, gates * hidden))
    faults = list(misfits(own, expected.items()))
    if faults:
        raise UploadError(faults)
    for key, shape in expected.items():
        if key.startswith("weight"):
            found.add(key, shape, own[key].whole)
        elif key.startswith("bias_ih"):
            _add_bias(found, own, key, shape)
    return found


def _matrix(own: Mapping[str, Tensor], key: str) -> Tensor:
    """Return a matrix of the first layer, from which the sizes follow."""
    projected = next((each for each in own.values() if "weight_hr" in each.name), None)
    if projected is not None:
        raise UploadError([at(projected.name, "projections (proj_size) are not supported")])
    tensor = own.get(key)
    if tensor is None or tensor.ndim != 2:
        got = "none" if tensor is None else f"shape {tensor.shape}"
        raise UploadError([at(key, f"expected a matrix of the first layer, got {got}")])
    return tensor


def _expected(found: Recognised, rows: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the weights that a network of these sizes has, with their shapes."""
    for layer in range(min(found.layers, MOST_LAYERS)):
        width = found.inputs if layer == 0 else found.width
        for way in ("", REVERSE) if found.bidirectional else ("",):
            yield f"weight_ih_l{layer}{way}", (rows, width)
            yield f"weight_hh_l{layer}{way}", (rows, found.hidden)
            if found.bias:
                yield f"bias_ih_l{layer}{way}", (rows,)
                yield f"bias_hh_l{layer}{way}", (rows,)


def _add_bias(
    found: Recognised, own: Mapping[str, Tensor], key: str, shape: tuple[int, ...]
) -> None:
    """Add both biases as their sum; of a GRU the candidate's second one stands by itself."""
    first, second = own[key], own[key.replace("ih", "hh")]
    apart = 2 * found.hidden if found.cell == "gru" else shape[0]

    def of_both() -> NDArray[Any]:
        total = first.whole().astype(np.float64)
        total[:apart] += second.whole()[:apart]
        return total

    def of_candidate() -> NDArray[Any]:
        rest = second.whole().astype(np.float64)
        rest[:apart] = 0
        return rest

    found.add(key, shape, of_both)
    if found.cell == "gru":
        found.add(key.replace("ih", "hh"), shape, of_candidate)


def _add_readout(found: Recognised, others: Mapping[str, Tensor], wanted: str | None) -> None:
    """Take the linear layer on top, where there is one; say which tensors are left out."""
    linear = {
        name.removesuffix(".weight") if "." in name else "": each
        for name, each in others.items()
        if each.ndim == 2 and (name == "weight" or name.endswith(".weight"))
    }
    if wanted == NO_READOUT or not others:
        found.left_out = sorted(others)
        return
    if wanted is None and (len(linear) != 1 or len(others) > 2):
        told = ", ".join(sorted(others)[:12])
        raise UploadError(
            f"beside the recurrent layers there is more than one linear read-out: {told}; "
            "say which by readout=NAME, or readout=none: the others are then left out"
        )
    name = one_of("linear layer", linear, wanted, "readout")
    weight_name = f"{name}.weight" if name else "weight"
    bias_name = weight_name.removesuffix("weight") + "bias"
    outputs = linear[name].shape[0]
    expected: list[tuple[str, tuple[int, ...]]] = [(weight_name, (outputs, found.width))]
    if bias_name in others:
        expected.append((bias_name, (outputs,)))
    faults = list(misfits(others, expected))
    if faults:
        raise UploadError(faults)
    for public, (key, shape) in zip((READOUT_WEIGHT, READOUT_BIAS), expected, strict=False):
        found.add(public, shape, others[key].whole)
    found.outputs, found.readout = outputs, name
    found.left_out = sorted(set(others) - {key for key, _ in expected})
