"""What a task is: its options, its facts, and where its batches come from."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import DTypeLike, NDArray

from engine.arrays import Array, BoolArray, IntArray
from engine.schema import Described, Doc, OnlyNull

LossName = Literal["cross_entropy", "mean_squared_error"]

Data = Mapping[str, NDArray[Any]]
"""Uploaded data: arrays by name, as the task that reads them says."""

LONGEST = 20_000
Length = Annotated[
    int, Interval(ge=1, le=LONGEST), Doc("Steps T of each sequence.", title="Sequence length")
]
Unavailable = Annotated[
    str | None,
    Doc("An uploaded data set; this task brings its own data."),
    OnlyNull("the task brings its own data"),
]
Share = Annotated[
    float,
    Interval(ge=0.01, le=0.5),
    Doc(
        "Share of the data held out for validation. Generated tasks hold out a fixed set drawn "
        "with a seed of its own, of 320 times this share.",
        title="Held-out share",
    ),
]

# A tenth of it is 32 sequences, a training batch's worth: a forward sweep of them at each frame
# costs a third of a training step, so that all of a frame stays within two.
GENERATED_POOL = 320

# A task counts as solved where no more than this share is left of the way from the memoryless
# baseline down to the least loss.
SOLVED_SHARE = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskOptions(Described):
    """What every task can be told. Each task adds its `kind` and its own options."""

    length: Length = 100
    dataset: Unavailable = None
    # Sequences of which `validation` holds out a share; a task with data of its own says how many.
    pool: ClassVar[int] = GENERATED_POOL

    validation: Share = 0.1


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences with their targets, time-major.

    Attributes:
        inputs: x_t, (T, B, D).
        targets: Class numbers (T, B), or values (T, B, K); only those asked for count.
        mask: Which targets are asked for, (T, B).
        steps: The time steps at which the loss is looked at, ascending; None for those at which
            a target is asked for.
    """

    inputs: Array
    targets: Array | IntArray
    mask: BoolArray
    steps: IntArray | None = None

    @property
    def asked(self) -> IntArray:
        """The time steps at which the loss is looked at, ascending."""
        return np.flatnonzero(self.mask.any(axis=1)) if self.steps is None else self.steps

    @property
    def size(self) -> int:
        """Number of sequences B."""
        return int(self.inputs.shape[1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Streams:
    """Independent seeds of one run, so that looking changes nothing about training."""

    initial: np.random.SeedSequence
    data: np.random.SeedSequence
    probe: np.random.SeedSequence
    validation: np.random.SeedSequence

    @classmethod
    def of(cls, seed: int) -> "Streams":
        """Derive the four streams from a configuration's seed."""
        initial, data, probe, validation = np.random.SeedSequence(seed).spawn(4)
        return cls(initial=initial, data=data, probe=probe, validation=validation)


def generator(seed: np.random.SeedSequence) -> np.random.Generator:
    """Start a stream; the bit generator is named, so that NumPy's default may change."""
    return np.random.Generator(np.random.PCG64(seed))


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A task with its options bound: facts about it, and batches of it.

    Attributes:
        length: T.
        inputs: D.
        outputs: K.
        loss: Which loss the task asks for.
        baseline: Mean loss of the best predictor without memory: it sees the present input alone;
            NaN where nobody knows it.
        least: Mean loss of the best predictor there is: above 0 where the answer is partly chance.
        needed_lag: How many steps back the farthest input lies that an answer may need; None where
            nobody knows.
        asked_times: The times t, from 1, at which an answer may be asked for.
        draw: Makes a training batch of a size from a random stream.
        held_out: Makes the validation set.
        watched: Makes a probe batch of a size.
        held_out_size: Sequences of the validation set; None for the wanted share of the pool.
        data_bytes: Memory that the task's own data take.
    """

    name: str
    length: int
    inputs: int
    outputs: int
    loss: LossName
    baseline: float
    needed_lag: int | None
    asked_times: tuple[int, ...]
    draw: Callable[[np.random.Generator, int], Batch]
    held_out: Callable[[], Batch]
    watched: Callable[[int], Batch]
    least: float = 0.0
    held_out_size: int | None = None
    data_bytes: int = 0

    @property
    def last_asked(self) -> int:
        """The last time τ at which an answer is asked for."""
        return self.asked_times[-1]

    @property
    def solved_below(self) -> float:
        """The mean loss under which the task counts as solved; NaN without a baseline."""
        return self.least + SOLVED_SHARE * (self.baseline - self.least)

    def training_batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Draw a training batch of `size` sequences from `rng`."""
        return self.draw(rng, size)

    def validation(self) -> Batch:
        """Return the held-out set, the same at every call."""
        return self.held_out()

    def probe(self, size: int) -> Batch:
        """Return the batch that statistics look at, the same at every call."""
        return self.watched(size)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskDefinition:
    """A task's entry in the registry: it has one of the two ways to make it.

    Attributes:
        options: The dataclass of its options, with title, purpose and `kind`.
        make: Binds options, streams and number type to a task that brings its own data.
        read: Binds options, streams, number type and uploaded data to a task.
    """

    name: str
    options: type[TaskOptions]
    make: Callable[[Any, Streams, DTypeLike], Task] | None = None
    read: Callable[[Any, Streams, DTypeLike, Data], Task] | None = None


def known(loss: float) -> float | None:
    """Return a loss, or None for NaN: nobody knows it."""
    return None if math.isnan(loss) else loss


def generated(
    draw: Callable[[np.random.Generator, int], Batch], options: TaskOptions, streams: Streams
) -> tuple[Callable[[], Batch], Callable[[int], Batch]]:
    """Make the held-out set and the probe of a task whose data never end.

    Returns:
        What `Task.held_out` and `Task.watched` need, each with its own stream.
    """
    size = max(1, math.floor(options.pool * options.validation + 0.5))

    def held_out() -> Batch:
        return draw(generator(streams.validation), size)

    def watched(probe_size: int) -> Batch:
        return draw(generator(streams.probe), probe_size)

    return held_out, watched


def asked_at(times: tuple[int, ...], length: int) -> Callable[[int], tuple[BoolArray, IntArray]]:
    """Return what makes a batch's `mask` and `steps` that ask at `times` (from 1), by its size B.

    Both are read-only.
    """
    column = np.zeros((length, 1), dtype=np.bool_)
    column[np.asarray(times) - 1] = True
    steps = np.flatnonzero(column)
    steps.setflags(write=False)

    # Training, probe and validation have a size each: a mask is made once, not at every step.
    @lru_cache(maxsize=4)
    def mask(size: int) -> tuple[BoolArray, IntArray]:
        repeated = np.repeat(column, size, axis=1)
        repeated.setflags(write=False)
        return repeated, steps

    return mask
