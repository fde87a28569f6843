"""The next character of an uploaded text.

Data: `characters`, the text as a vector of whole numbers: code points, or any other.
Inputs: the present character one-hot, over all that the text has, in the order of their numbers.
Target: the next character, asked at every step of a window of T, cross-entropy.
Baseline: H(next | present) over the training part, what counts of pairs of characters reach.
Needed lag: unknown, unless the configuration says it.
Solved: under a tenth of the baseline. What a text leaves to chance nobody knows, so the least loss
    counts as 0, and few texts are ever solved.
Held out: the end of the text, windows side by side, at most 256 of them evenly spread.
Source: definition.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import DTypeLike, NDArray

from engine.bounds import MOST_CHARACTERS
from engine.schema import Doc
from engine.tasks.base import LONGEST, Batch, Data, Streams, Task, TaskDefinition, asked_at
from engine.tasks.uploaded import (
    PART,
    UploadedOptions,
    entropy_of,
    looks,
    one_of,
    refuse,
    split_at,
    windows,
)

AHEAD = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class TextOptions(UploadedOptions):
    """Options of the text."""

    title: ClassVar[str] = "Text, character by character"
    purpose: ClassVar[str] = (
        "Your own text: at every step the network reads a character and has to say which one "
        "comes next."
    )
    formula: ClassVar[str] = "which character follows x_1 … x_t"
    source: ClassVar[str] = "definition"

    length: Annotated[
        int, Interval(ge=1, le=LONGEST), Doc("Characters T of each window.", title="Window length")
    ] = 50
    kind: Literal["text"] = "text"


def characters_of(data: Data) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the numbers of all characters that occur, ascending, and the text in their places.

    Raises:
        ConfigError: It is no vector of whole numbers, or has too many different characters.
    """
    text = one_of(data, "characters", 1)
    if text.dtype.kind not in "ui" or text.size < 2:
        detail = "characters: expected a vector of at least two whole numbers, got "
        raise refuse("/task/dataset", f"{detail}{text.size} of {text.dtype}")
    known = np.zeros(0, np.int64)
    for start in range(0, text.size, PART):
        known = np.union1d(known, text[start : start + PART].astype(np.int64))
        if known.size > MOST_CHARACTERS:
            detail = f"the text has more than {MOST_CHARACTERS} different characters"
            raise refuse("/task/dataset", detail)
    places = np.empty(text.size, np.int32)
    for start in range(0, text.size, PART):
        places[start : start + PART] = np.searchsorted(known, text[start : start + PART])
    return known, places


def pair_entropy(places: NDArray[np.integer[Any]], known: int) -> float:
    """Return H(next | present) of the pairs of neighbours, in nats."""
    pairs = np.zeros(known * known, np.int64)
    for start in range(0, places.size - 1, PART):
        part = places[start : start + PART + 1].astype(np.int64)
        pairs += np.bincount(part[:-1] * known + part[1:], minlength=pairs.size)
    return entropy_of(pairs) - entropy_of(pairs.reshape(known, known).sum(axis=1))


def read(options: TextOptions, streams: Streams, dtype: DTypeLike, data: Data) -> Task:
    """Bind the task to its options and a text."""
    known, places = characters_of(data)
    found = windows(places.size, options, AHEAD)
    steps = np.arange(options.length + AHEAD)[:, None]
    one_hot = np.eye(known.size, dtype=dtype)
    asked = tuple(range(1, options.length + 1))
    asked_of = asked_at(asked, options.length)

    def batch(starts: NDArray[np.intp]) -> Batch:
        shown = places[starts + steps]
        return Batch(one_hot[shown[:-1]], shown[1:].astype(np.int64), *asked_of(starts.size))

    draw, held_out, watched = looks(batch, found.training, found.held_out, streams)
    return Task(
        name="text",
        length=options.length,
        inputs=known.size,
        outputs=known.size,
        loss="cross_entropy",
        baseline=pair_entropy(places[: split_at(places.size, options.validation)], known.size),
        needed_lag=options.needed_lag,
        asked_times=asked,
        draw=draw,
        held_out=held_out,
        watched=watched,
        held_out_size=found.held_out.size,
        data_bytes=places.nbytes + found.training.nbytes + one_hot.nbytes,
    )


DEFINITION = TaskDefinition(name="text", options=TextOptions, read=read)
