"""A checkpoint read as a user of PyTorch reads it: safetensors, a strict `load_state_dict`."""

from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load
from torch import nn

from tests.reference.problems import Array

LAYERS = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def outputs(
    recurrent: bytes, readout: bytes, probe: bytes, *, cell: str, options: Mapping[str, Any]
) -> tuple[Array, Array]:
    """Load the three parts and run the probe batch through them.

    Args:
        recurrent: Has PyTorch's keys alone.
        readout: Has `readout.weight` and `readout.bias`.
        probe: Has `probe.inputs`, `probe.targets`, `probe.mask`.
        cell: A cell that PyTorch has.
        options: Of the layer: hidden_size, num_layers, bias, nonlinearity, bidirectional.

    Returns:
        The read-out's outputs [T,B,K], and the inputs [T,B,D].
    """
    weights, batch = load(recurrent), load(probe)
    inputs = batch["probe.inputs"]
    layer = LAYERS[cell](inputs.shape[2], **options, dtype=weights["weight_ih_l0"].dtype)
    layer.load_state_dict(weights, strict=True)
    named = {name.removeprefix("readout."): value for name, value in load(readout).items()}
    linear = nn.Linear(
        options["hidden_size"] * (2 if options.get("bidirectional") else 1),
        len(named["weight"]),
        bias="bias" in named,
        dtype=named["weight"].dtype,
    )
    linear.load_state_dict(named, strict=True)
    with torch.no_grad():
        output, _ = layer(inputs)
        return linear(output).numpy(), inputs.numpy()
