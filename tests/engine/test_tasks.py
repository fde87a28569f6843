"""Tasks: one contract for all, and what each of them asks."""

import math
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.config import RunConfig
from engine.tasks import TASKS, Batch, Streams, Task, generator, make_task
from engine.tasks.copy import BLANK, REMEMBERED, SIGNAL, SYMBOLS, CopyOptions
from engine.tasks.digits import DigitsOptions, held_out_mask, images
from engine.tasks.temporal_order import TemporalOrderOptions, windows

SEED = 11
MANY = 4000


def make(name: str, **options: Any) -> Task:  # noqa: ANN401  # options of any task
    return make_task(TASKS[name].options(**options), SEED, "float64")


def draw(task: Task, size: int = MANY, seed: int = 0) -> Batch:
    return task.training_batch(np.random.default_rng(seed), size)


def same(first: Batch, second: Batch) -> bool:
    return all(
        np.array_equal(a, b)
        for a, b in (
            (first.inputs, second.inputs),
            (first.targets, second.targets),
            (first.mask, second.mask),
        )
    )


# The contract


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> Task:
    return make(request.param)


@pytest.mark.parametrize("name", TASKS)
def test_the_registry_uses_the_names_of_the_tasks(name: str) -> None:
    assert TASKS[name].name == name
    assert make(name).name == name
    assert (
        RunConfig.from_dict({"task": {"kind": name}, "model": {"cell": "gru"}}).kind_of_task == name
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TASKS)
def test_batches_have_the_stated_shapes_and_types(name: str, dtype: str) -> None:
    task = make_task(TASKS[name].options(), SEED, dtype)
    batch = draw(task, 5)
    assert batch.size == 5
    assert batch.inputs.shape == (task.length, 5, task.inputs)
    assert batch.inputs.dtype == dtype
    assert batch.mask.shape == (task.length, 5)
    assert batch.mask.dtype == np.bool_
    if task.loss == "cross_entropy":
        assert batch.targets.shape == (task.length, 5)
        assert batch.targets.min() >= 0
        assert batch.targets.max() < task.outputs
    else:
        assert batch.targets.shape == (task.length, 5, task.outputs)
        assert batch.targets.dtype == dtype


def test_the_mask_asks_at_the_stated_times(task: Task) -> None:
    mask = draw(task, 3).mask
    asked = tuple(int(t) + 1 for t in np.flatnonzero(mask.any(axis=1)))
    assert asked == task.asked_times
    assert task.last_asked == asked[-1]
    assert np.array_equal(mask.any(axis=1), mask.all(axis=1))


def test_the_same_stream_draws_the_same_batch(task: Task) -> None:
    assert same(draw(task, 8, seed=1), draw(task, 8, seed=1))
    assert not same(draw(task, 8, seed=1), draw(task, 8, seed=2))


@pytest.mark.parametrize("which", ["validation", "probe"])
def test_held_out_set_and_probe_stay_the_same(task: Task, which: str) -> None:
    look: Callable[[], Batch] = task.validation if which == "validation" else lambda: task.probe(4)
    assert same(look(), look())


def test_probe_held_out_set_and_training_are_different(task: Task) -> None:
    first = draw(task, 16).inputs
    probe = task.probe(16).inputs
    held_out = task.validation().inputs[:, :16]
    assert not np.array_equal(first, probe)
    assert not np.array_equal(first, held_out)
    assert not np.array_equal(probe, held_out)


@pytest.mark.parametrize("name", ["adding", "copy", "temporal_order"])
def test_a_generated_held_out_set_has_the_wanted_share(name: str) -> None:
    assert make(name, validation=0.1).validation().size == 256
    assert make(name, validation=0.25).validation().size == 640


def test_no_lag_is_longer_than_the_sequence(task: Task) -> None:
    assert 0 <= task.needed_lag < task.length
    assert 0 < task.solved_below < task.baseline


def test_the_streams_of_a_seed_are_all_different() -> None:
    streams = Streams.of(0)
    draws = [
        generator(stream).random()
        for stream in (streams.initial, streams.data, streams.probe, streams.validation)
    ]
    assert len(set(draws)) == 4


def memoryless_loss(task: Task, batch: Batch) -> float:
    """Return the loss of the best answer that is the same for all sequences, at each time."""
    total = 0.0
    for t in task.asked_times:
        if task.loss == "mean_squared_error":
            total += float(np.var(batch.targets[t - 1], axis=0).mean())
        else:
            shares = np.bincount(batch.targets[t - 1], minlength=task.outputs) / batch.size
            present = shares[shares > 0]
            total += float(-(present * np.log(present)).sum())
    return total / len(task.asked_times)


VARIANTS: list[tuple[str, dict[str, object]]] = [
    *((name, {}) for name in TASKS),
    ("copy", {"ask": "recall"}),
]
VARIANTS += [("temporal_order", {"symbols": 3})]


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_the_baseline_is_the_loss_without_memory(name: str, options: dict[str, object]) -> None:
    task = make(name, **options)
    batch = draw(task, 20_000)
    # 20,000 sequences: a standard error of the mean of about one per cent, the digits' classes
    # are equal to three per thousand.
    assert memoryless_loss(task, batch) == pytest.approx(task.baseline, rel=0.03)


# adding


def test_adding_asks_for_the_sum_of_the_marked_values() -> None:
    batch = draw(make("adding", length=21))
    values, markers = batch.inputs[:, :, 0], batch.inputs[:, :, 1]
    expected = (values * markers).sum(axis=0)
    np.testing.assert_allclose(batch.targets[-1, :, 0], expected, rtol=1e-15)


def test_adding_marks_one_value_in_each_half_at_every_place() -> None:
    markers = draw(make("adding", length=21)).inputs[:, :, 1]
    assert set(np.unique(markers)) == {0.0, 1.0}
    assert np.all(markers[:10].sum(axis=0) == 1)
    assert np.all(markers[10:].sum(axis=0) == 1)
    assert np.all(markers.sum(axis=1) > 0)


def test_adding_draws_values_uniformly() -> None:
    values = draw(make("adding")).inputs[:, :, 0]
    assert values.min() >= 0
    assert values.max() < 1
    # 400,000 values: standard errors of 5e-4 and 2e-4.
    assert values.mean() == pytest.approx(1 / 2, abs=3e-3)
    assert values.var() == pytest.approx(1 / 12, abs=2e-3)


# copy


def test_copy_shows_blanks_signals_and_asks_for_what_was_shown() -> None:
    length = 35
    task = make("copy", length=length)
    batch = draw(task, 50)
    shown = batch.inputs.argmax(axis=2)
    assert np.all(batch.inputs.sum(axis=2) == 1)
    assert np.all(shown[:REMEMBERED] < SYMBOLS)
    assert np.all(shown[REMEMBERED : length - REMEMBERED - 1] == BLANK)
    assert np.all(shown[length - REMEMBERED - 1] == SIGNAL)
    assert np.all(shown[length - REMEMBERED :] == BLANK)
    assert np.all(batch.targets[: length - REMEMBERED] == BLANK)
    assert np.array_equal(batch.targets[length - REMEMBERED :], shown[:REMEMBERED])


def test_copy_needs_what_lies_the_delay_and_ten_steps_back() -> None:
    assert make("copy", length=120).needed_lag == 100 + 10


def test_the_shortest_copy_has_no_blank_between() -> None:
    shown = draw(make("copy", length=21), 4).inputs.argmax(axis=2)
    assert np.all(shown[REMEMBERED] == SIGNAL)


def test_copy_can_ask_for_the_recall_alone() -> None:
    task = make_task(CopyOptions(length=30, ask="recall"), SEED, "float64")
    assert task.asked_times == tuple(range(21, 31))
    assert task.baseline == math.log(8)


# temporal_order


@pytest.mark.parametrize("symbols", [2, 3])
def test_temporal_order_asks_for_the_rare_symbols_in_their_order(symbols: int) -> None:
    task = make("temporal_order", symbols=symbols)
    batch = draw(task, 200)
    shown = batch.inputs.argmax(axis=2)
    for sequence in range(200):
        rare = [int(s) for s in shown[:, sequence] if s < 2]
        assert len(rare) == symbols
        assert batch.targets[-1, sequence] == int("".join(map(str, rare)), 2)


@pytest.mark.parametrize("length", [10, 11, 57, 100])
@pytest.mark.parametrize("symbols", [2, 3])
def test_temporal_order_keeps_its_windows(symbols: int, length: int) -> None:
    spans = windows(length, symbols)
    shown = draw(make("temporal_order", symbols=symbols, length=length)).inputs.argmax(axis=2)
    places = np.argwhere((shown < 2).T)[:, 1].reshape(-1, symbols) + 1
    for column, (first, last) in enumerate(spans):
        assert set(places[:, column].tolist()) == set(range(first, last + 1))


def test_temporal_order_has_the_originals_windows_at_a_hundred_steps() -> None:
    assert windows(100, 2) == ((10, 20), (50, 60))
    assert windows(100, 3) == ((10, 20), (33, 43), (66, 76))
    assert make_task(TemporalOrderOptions(), 0).needed_lag == 90


# digits


def test_the_digits_are_those_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    original = datasets.load_digits()
    pixels, classes = images()
    assert pixels.shape == (1797, 64)
    assert np.array_equal(pixels, original.data)
    assert np.array_equal(classes, original.target)


def test_the_digits_file_is_small_and_names_origin_and_licence() -> None:
    folder = files("engine").joinpath("data")
    assert len(folder.joinpath("digits.npz").read_bytes()) < 60_000
    words = folder.joinpath("README.txt").read_text(encoding="utf-8")
    assert "Optical Recognition of Handwritten Digits" in words
    assert "CC BY 4.0" in words
    assert "Redistribution and use in source and binary forms" in words


def shares(batch: Batch) -> NDArray[np.int64]:
    return np.bincount(batch.targets[-1], minlength=10)


def test_what_is_held_out_is_never_trained_on() -> None:
    task = make_task(DigitsOptions(), SEED, "float64")
    trained = {pixels.tobytes() for pixels in draw(task, 40_000).inputs[:, :, 0].T}
    held_out = [pixels.tobytes() for pixels in task.validation().inputs[:, :, 0].T]
    assert not trained & set(held_out)
    assert len(trained) + len(held_out) == 1797


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_every_class_is_held_out_in_the_same_share(share: float) -> None:
    _, classes = images()
    held = held_out_mask(classes, share)
    for label in range(10):
        members = int((classes == label).sum())
        assert int(held[classes == label].sum()) == math.floor(members * share)


def test_the_digits_are_read_row_by_row_as_shares_of_the_darkest() -> None:
    task = make_task(DigitsOptions(), SEED, "float64")
    pixels, _ = images()
    known = {(row / 16).tobytes() for row in pixels.astype(np.float64)}
    probe = task.probe(20)
    assert {column.tobytes() for column in probe.inputs[:, :, 0].T} <= known
    assert len({column.tobytes() for column in probe.inputs[:, :, 0].T}) == 20


def test_every_seed_holds_out_the_same_digits() -> None:
    options = DigitsOptions()
    assert same(make_task(options, 0).validation(), make_task(options, 1).validation())
    assert not same(make_task(options, 0).probe(8), make_task(options, 1).probe(8))


def test_a_probe_may_be_larger_than_the_data() -> None:
    assert make_task(DigitsOptions(validation=0.5), 0).probe(1024).size == 1024


def test_the_digits_first_telling_pixel_is_the_second() -> None:
    pixels, _ = images()
    assert np.all(pixels[:, 0] == 0)
    assert make("digits").needed_lag == 62


def test_digits_classes_are_balanced_in_the_held_out_set() -> None:
    counts = shares(make("digits").validation())
    assert counts.min() >= 17
    assert counts.max() <= 18
