"""Handwritten digits read pixel by pixel.

Inputs: the 64 pixels of an 8×8 image, row by row, one a step, as shares of the darkest: T = 64.
Target: which digit it is, asked at T, cross-entropy over 10 classes.
Baseline: ln 10 (the classes are nearly equal).
Needed lag: from T back to the first pixel that differs between images.
Data: 1,797 images, engine/data/digits.npz; origin and licence stand beside it.
Held out: of every class, evenly spread, the wanted share of its images, the same for every seed.
Source: Alpaydin & Kaynak 1998 (the images); read pixel by pixel as in Le, Jaitly & Hinton 2015,
    arXiv:1504.00941.
"""

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import DTypeLike, NDArray

from engine.schema import Doc
from engine.tasks.base import Batch, Streams, Task, TaskDefinition, TaskOptions, asked_at, generator

PIXELS = 64
IMAGES = 1797
CLASSES = 10
DARKEST = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class DigitsOptions(TaskOptions):
    """Options of the digits."""

    title: ClassVar[str] = "Digits, pixel by pixel"
    purpose: ClassVar[str] = (
        "Real data: 1,797 handwritten digits of 8×8 pixels, read one pixel a step; after the "
        "last pixel the network has to say which digit it was."
    )
    formula: ClassVar[str] = "which of ten digits the 64 pixels show"
    source: ClassVar[str] = (
        "Alpaydin & Kaynak 1998; read pixel by pixel as in Le, Jaitly & Hinton 2015"
    )

    length: Annotated[
        int,
        Interval(ge=PIXELS, le=PIXELS),
        Doc("Always 64: the pixels of an image.", title="Sequence length"),
    ] = PIXELS
    kind: Literal["digits"] = "digits"
    pool: ClassVar[int] = IMAGES


@cache
def images() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the images (1797, 64) with values 0 … 16, and their classes (1797,), read-only."""
    with files("engine").joinpath("data/digits.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        pixels, classes = stored["images"], stored["classes"]
    pixels.setflags(write=False)
    classes.setflags(write=False)
    return pixels, classes


def held_out_mask(classes: NDArray[np.uint8], share: float) -> NDArray[np.bool_]:
    """Return which images are held out: of every class the same share, evenly spread."""
    held = np.zeros(classes.size, dtype=np.bool_)
    for label in range(CLASSES):
        members = np.flatnonzero(classes == label)
        passed = np.floor(np.arange(members.size + 1) * share)
        held[members] = np.diff(passed) > 0
    return held


def make(options: DigitsOptions, streams: Streams, dtype: DTypeLike) -> Task:
    """Bind the task to its options."""
    pixels, classes = images()
    held = held_out_mask(classes, options.validation)
    # Time first, so that drawing a batch is one gather along the last axis.
    shades = np.ascontiguousarray((pixels / np.float64(DARKEST)).T.astype(dtype))
    training = np.flatnonzero(~held)
    asked_of = asked_at((PIXELS,), PIXELS)

    def batch(chosen: NDArray[np.intp]) -> Batch:
        inputs = shades[:, chosen, None]
        targets = np.zeros((PIXELS, chosen.size), dtype=np.int64)
        targets[-1] = classes[chosen]
        return Batch(inputs, targets, *asked_of(chosen.size))

    def draw(rng: np.random.Generator, size: int) -> Batch:
        return batch(training[rng.integers(0, training.size, size)])

    def held_out() -> Batch:
        return batch(np.flatnonzero(held))

    def watched(size: int) -> Batch:
        # Distinct images as long as there are enough of them.
        shuffled = generator(streams.probe).permutation(training)
        return batch(np.resize(shuffled, size))

    first_telling = int(np.flatnonzero(np.ptp(pixels, axis=0))[0]) + 1
    return Task(
        name="digits",
        length=PIXELS,
        inputs=1,
        outputs=CLASSES,
        loss="cross_entropy",
        baseline=math.log(CLASSES),
        needed_lag=PIXELS - first_telling,
        asked_times=(PIXELS,),
        draw=draw,
        held_out=held_out,
        watched=watched,
    )


DEFINITION = TaskDefinition(name="digits", options=DigitsOptions, make=make)
