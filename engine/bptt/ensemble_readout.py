"""Read-out and loss of every member of an ensemble; equations as numbered in readout.py."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine import compiled
from engine.arrays import Array, BoolArray
from engine.bptt.multiply import by_member, multiply
from engine.bptt.network import Network
from engine.bptt.readout import Readout
from engine.tasks.base import Batch


class MemberLosses(NamedTuple):
    """The losses of one batch for each of S members.

    Attributes:
        value: L of each member.
        accuracy: Share of right answers of each; None for values.
        scale: dL/d(Σ m e) of each, (S, 1).
        sample_scale: dℓ/d(Σ m e) of each sample, (S·B,).
    """

    value: Sequence[float]
    accuracy: Sequence[float] | None
    scale: Array
    sample_scale: Array


class EnsembleReadout(Readout):
    """Read-outs of S members, with the members last in `network.readout`, (K, H + 1, S)."""

    def __init__(self, network: Network, samples: int) -> None:
        """Read out with the networks' weights, B = `samples` of each member."""
        super().__init__(network)
        self._loops = compiled.member_loops() if samples == 1 else None

    def outputs(self, states: Array) -> Array:
        """Return y (n, K, S·B) of states h (n, H, S·B)."""
        if self._loops is not None:
            self._read = np.ascontiguousarray(states)
            found = np.empty((len(states), self.network.outputs, states.shape[-1]), states.dtype)
            self._loops.outputs(self.network.readout, self._read, found)
            return found
        weight, bias = self.network.readout[:, :-1], self.network.readout[:, -1:]
        y = multiply(weight, states)
        by_member(y, bias.shape[-1])[...] += np.moveaxis(bias, -1, 0)  # (1)
        return y

    def of_members(self, states: Array, batch: Batch, loss: str, reduction: str) -> MemberLosses:
        """Return the losses of all members, given what is read out, rows 0 … T."""
        raw, mask = self.read_out(states, batch, loss)
        members = self.network.readout.shape[-1]

        def of_each(array: Array | BoolArray) -> Array:
            """Return sums (S,) over an array (n, S·B)."""
            each: Array = array.reshape(len(array), members, -1).sum(axis=(0, 2), dtype=np.float64)
            return each

        counts = of_each(mask)
        mean = reduction == "mean"
        scale = 1 / counts if mean else np.ones(members)
        samples = batch.size // members
        own = np.repeat(samples * scale, samples) if mean else np.ones(batch.size)
        correct = None if raw.correct is None else (of_each(raw.correct) / counts).tolist()
        values = (of_each(raw.losses) * scale).tolist()
        return MemberLosses(values, correct, scale[:, None].astype(states.dtype), own)

    def backward(self) -> tuple[Array, Array | None, bool]:
        """Fill the read-outs' gradients; return the immediate derivatives, (n, H, S·B)."""
        if self._loops is not None:
            weights, direct = self.network.readout, np.empty_like(self._read)
            gradient = np.empty_like(weights)
            self._loops.back(weights, self.dy, self._read, gradient, direct)
            self.network.readout_gradient[...] = gradient
            return direct, None, self._ordinary(float(np.abs(weights[:, :-1]).max()))
        weight, gradient = self.network.readout[:, :-1], self.network.readout_gradient
        n, K, columns = self.dy.shape
        members = gradient.shape[-1]
        if columns == members:  # one sample each
            gradient[:, :-1] = np.einsum("nkm,nhm->khm", self.dy, self._read)  # (3)
        else:
            dy, read = (
                each.reshape(n, each.shape[1], members, -1).transpose(2, 1, 0, 3)
                for each in (self.dy, self._read)
            )
            found = dy.reshape(members, K, -1) @ read.reshape(members, read.shape[1], -1).swapaxes(
                1, 2
            )
            gradient[:, :-1] = np.moveaxis(found, 0, -1)  # (3)
        gradient[:, -1] = self.dy.sum(axis=0).reshape(K, members, -1).sum(axis=-1)
        direct = multiply(weight.swapaxes(0, 1), self.dy)  # (2)
        return direct, None, self._ordinary(float(np.abs(weight).max()))
