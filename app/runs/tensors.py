"""Weights and a probe batch as tensors by name, which is all that safetensors keeps."""

import numpy as np

from app.trainer.states import Tensors
from engine import Snapshot

# PyTorch's layers of these cells have a second bias; ours is the sum, so the second is zero.
CELLS_WITH_TWO_BIASES = ("elman", "lstm", "gru")


def model_tensors(snapshot: Snapshot) -> Tensors:
    """Return a snapshot's weights under PyTorch's names, and the probe batch beside them."""
    tensors: Tensors = dict(snapshot.network.parameters())
    if snapshot.config.model.cell in CELLS_WITH_TWO_BIASES:
        for name in [name for name in tensors if name.startswith("bias_ih_l")]:
            second = name.replace("bias_ih", "bias_hh")
            tensors.setdefault(second, np.zeros_like(tensors[name]))
    return tensors | probe_tensors(snapshot)


def probe_tensors(snapshot: Snapshot) -> Tensors:
    """Return a run's probe batch."""
    probe = snapshot.probe
    return {
        "probe.inputs": probe.inputs,
        "probe.targets": probe.targets,
        "probe.mask": probe.mask,
    }
