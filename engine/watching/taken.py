"""What a hook takes of one training step, and whether it fits the configuration."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from engine.arrays import Array, IntArray, require_shape
from engine.config import CaptureConfig
from engine.errors import ShapeError

NO_LOSSES = np.zeros(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """One training step of a loop elsewhere, at most T steps of B sequences, time-major.

    Of bidirectional layers outputs have both directions side by side, N·H wide, and states an
    entry each, 0, 0r, 1, 1r, …, as PyTorch has them.

    Attributes:
        step: Updates done before it.
        weights: PyTorch's names: as they were at the forward call, both biases.
        inputs: x, (T, B, D).
        lengths: Steps of each sequence, (B,); None where all have T. What lies beyond is padding.
        initial: State name -> (S, B, H); zero where it is missing.
        output_gradients: ∂L/∂ of the top layer's outputs, (T, B, H); None where none arrived.
        final_gradients: State name -> ∂L/∂ of the states after each sequence's last step, those
            that PyTorch calls h_n and c_n, (S, B, H).
        reduction: L is the mean over the sequences, or their sum.
        batch_size: Sequences that L is the mean of, where B are only some of them.
        losses: L of the training steps up to this one, (n,); the last is this step's own. Empty
            where nobody told.
    """

    step: int
    weights: Mapping[str, Array]
    inputs: Array
    lengths: IntArray | None = None
    initial: Mapping[str, Array] = field(default_factory=dict)
    output_gradients: Array | None = None
    final_gradients: Mapping[str, Array] = field(default_factory=dict)
    reduction: Literal["mean", "sum"] = "mean"
    batch_size: int | None = None
    losses: Array = field(default_factory=lambda: NO_LOSSES)

    @property
    def size(self) -> int:
        """Number of sequences B."""
        return int(self.inputs.shape[1])

    def sequence_lengths(self) -> IntArray:
        """Return the steps of each sequence, (B,)."""
        if self.lengths is not None:
            return np.asarray(self.lengths, np.int64)
        return np.full(self.size, len(self.inputs), np.int64)


def require_fit(taken: Taken, config: CaptureConfig, states: tuple[str, ...]) -> None:
    """Refuse what does not fit the configuration it is said to be of.

    Args:
        taken: What was taken.
        config: The run's.
        states: Names of the cell's states, h first.

    Raises:
        ShapeError: A tensor is missing, or of another shape than the configuration says.
    """
    task, model = config.task, config.model
    steps, size = _require_inputs(taken.inputs, task.length, task.inputs)
    sides = 2 if model.bidirectional else 1
    if taken.output_gradients is not None:
        shape = (steps, size, sides * model.hidden_size)
        require_shape("gradients.output", taken.output_gradients, shape)
    for name, value in _named_states(taken, states):
        require_shape(name, value, (sides * model.layers, size, model.hidden_size))
    if taken.output_gradients is None and not taken.final_gradients:
        raise ShapeError("gradients: expected those of the output, h_n or c_n, got none")
    if taken.lengths is not None:
        _require_lengths(np.asarray(taken.lengths), steps, size)
    if taken.batch_size is not None and taken.batch_size < size:
        raise ShapeError(f"batch_size: expected at least the {size} sequences of inputs, got "
                         f"{taken.batch_size}")  # fmt: skip
    if taken.losses.ndim != 1 or len(taken.losses) > taken.step + 1:
        wanted = f"at most one for each of the {taken.step + 1} steps"
        raise ShapeError(f"losses: expected {wanted}, got {taken.losses.shape}")


def _require_inputs(inputs: Array, longest: int, width: int) -> tuple[int, int]:
    """Return T and B of the inputs, which have to be (T, B, D)."""
    three = len(("T", "B", "D"))
    shape = inputs.shape
    if len(shape) != three or shape[2] != width or not 1 <= shape[0] <= longest or not shape[1]:
        raise ShapeError(f"inputs: expected shape (1 to {longest}, B, {width}), got {shape}")
    return shape[0], shape[1]


def _named_states(taken: Taken, states: tuple[str, ...]) -> Iterator[tuple[str, Array]]:
    for group, arrays, called in (
        ("initial", taken.initial, "{}"),
        ("gradients", taken.final_gradients, "{}_n"),
    ):
        for name, value in arrays.items():
            label = f"{group}.{called.format(name)}"
            if name not in states:
                known = ", ".join(f"{group}.{called.format(each)}" for each in states)
                raise ShapeError(f"{label}: the cell has no such state; known: {known}")
            yield label, value


def _require_lengths(lengths: IntArray, steps: int, size: int) -> None:
    require_shape("lengths", lengths, (size,))
    if lengths.dtype.kind not in "iu":
        raise ShapeError(f"lengths: expected whole numbers, got {lengths.dtype}")
    if lengths.min() < 1 or lengths.max() > steps:
        wanted = f"expected 1 to the {steps} steps of inputs"
        raise ShapeError(f"lengths: {wanted}, got {lengths.min()} to {lengths.max()}")
