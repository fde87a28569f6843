"""Sequences of one length, swept forward and back from what arrived at their ends.

What has arrived at a sequence's last step is also swept back alone: that is what the last loss
says to each state before it, whatever other losses there are on the way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from engine.arrays import Array, IntArray
from engine.bptt.network import Network
from engine.bptt.observation import Observation
from engine.bptt.readout import Loss
from engine.bptt.sweep import Sweep
from engine.tasks import Batch
from engine.watching.taken import Taken


@dataclass(frozen=True, slots=True)
class Swept:
    """One length's sequences.

    Attributes:
        length: T.
        size: How many they are.
        observation: What statistics read.
        last: log10 of the norm of what the last loss alone says to h_t, (S, T, B).
        ends: τ of each sequence: the last step at which anything arrived, (B,); 0 for none. Of
            two directions that of the one ahead.
        gradient: dL/dflat of these sequences.
    """

    length: int
    size: int
    observation: Observation
    last: Array
    ends: IntArray
    gradient: Array


class GroupObservation(Observation):
    """An observation whose loss may ask at any time: of a loop elsewhere nobody knows when."""

    asked: tuple[int, ...] = ()

    @property
    def asked_times(self) -> tuple[int, ...]:
        """Times that have a row of the loss-state matrix."""
        return self.asked


def sweep_group(network: Network, taken: Taken, members: IntArray, asked: tuple[int, ...]) -> Swept:
    """Sweep the sequences `members`, which have one length.

    Args:
        network: With the weights that were taken, without a read-out.
        taken: The training step.
        members: Positions in the batch.
        asked: Times that have a row of the loss-state matrix.
    """
    length = int(taken.sequence_lengths()[members[0]])
    inputs = np.asarray(taken.inputs[:length, members], np.float64)
    sweep = Sweep(network, length=length, batch=len(members))
    sweep.unroll(inputs, {name: value[:, members] for name, value in taken.initial.items()})
    # The scalar is L itself; per sample it counts B-fold where L is a mean.
    of_batch = float(taken.batch_size or taken.size) if taken.reduction == "mean" else 1.0
    sweep.loss = Loss(float("nan"), None, 1.0, of_batch)
    outputs, final = _arriving(taken, members, length, network)
    ahead = network.side(0)
    ends = _ends(outputs[..., ahead], final)
    alone = np.zeros_like(outputs)
    alone[..., ahead] = _only_at(outputs[..., ahead], ends)
    if network.directions > 1:  # what reads backwards has its last step at the first time
        back = network.side(1)
        turned = outputs[::-1, :, back]
        alone[..., back] = _only_at(turned, _ends(turned, {}))[::-1]
    last = None
    if not np.array_equal(alone, outputs, equal_nan=True):
        _back(sweep, alone, final)
        last = sweep.log10_hidden_norms
    sweep.keep_carried()
    _back(sweep, outputs, final)
    targets = np.zeros((length, len(members)), np.int64)
    batch = Batch(inputs, targets, targets.astype(np.bool_))
    observation = cast(GroupObservation, GroupObservation.of_sweep(sweep, batch))
    observation.asked = tuple(t for t in asked if t <= length)
    return Swept(
        length=length,
        size=len(members),
        observation=observation,
        last=sweep.log10_hidden_norms if last is None else last,
        ends=ends,
        gradient=network.gradient.copy(),
    )


def _arriving(
    taken: Taken, members: IntArray, length: int, network: Network
) -> tuple[Array, dict[str, Array]]:
    """Return what arrives at the top layer's outputs (T, B, N·H), and at final states below it.

    The top layer's final h is its last output; of the direction back that of the first time.
    """
    given = {
        name: np.array(value[:, members], np.float64)
        for name, value in taken.final_gradients.items()
    }
    if taken.output_gradients is None:
        outputs = np.zeros((length, len(members), network.width))
    else:
        outputs = np.array(taken.output_gradients[:length, members], np.float64)
    if "h" in given:
        top = network.level(len(network.layers) - 1)
        for index, time in zip(top, (-1, 0), strict=False):
            outputs[time][:, network.side(index)] += given["h"][index]
            given["h"][index] = 0
    return outputs, {name: value for name, value in given.items() if np.any(value)}


def _ends(outputs: Array, final: Mapping[str, Array]) -> IntArray:
    """Return the last step at which anything arrived for each sequence, (B,); 0 for none."""
    length = len(outputs)
    there = np.any(outputs != 0, axis=-1)
    ends = np.where(there.any(axis=0), length - np.argmax(there[::-1], axis=0), 0)
    for value in final.values():
        ends[np.any(value != 0, axis=(0, 2))] = length
    found: IntArray = ends
    return found


def _only_at(outputs: Array, ends: IntArray) -> Array:
    """Return what arrives at the last step of each sequence alone."""
    kept = np.zeros_like(outputs)
    asked = np.flatnonzero(ends)
    kept[ends[asked] - 1, asked] = outputs[ends[asked] - 1, asked]
    return kept


def _back(sweep: Sweep, outputs: Array, final: Mapping[str, Array]) -> None:
    states = sweep.top_outputs[1:]
    sweep.readout.inject(states, np.ascontiguousarray(outputs.transpose(0, 2, 1)))
    sweep.back_with_finals(final)
