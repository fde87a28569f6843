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
from engine.tasks.reber import walk
from engine.tasks.temporal_order import TemporalOrderOptions, windows
from tests.engine.uploaded_data import READING, uploaded

SEED = 11
MANY = 4000


def make(name: str, **options: Any) -> Task:  # noqa: ANN401  # options of any task
    return make_task(TASKS[name].options(**options), SEED, "float64", uploaded(name))


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
    task = make_task(TASKS[name].options(), SEED, dtype, uploaded(name))
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


@pytest.mark.parametrize("name", [name for name in TASKS if name not in ("digits", *READING)])
def test_a_generated_held_out_set_has_the_wanted_share(name: str) -> None:
    assert make(name, validation=0.1).validation().size == 32
    assert make(name, validation=0.25).validation().size == 80


def test_no_lag_is_longer_than_the_sequence(task: Task) -> None:
    unknown = task.needed_lag is None
    assert unknown == (task.name in READING)
    assert 0 <= (task.needed_lag or 0) < task.length
    assert 0 <= task.least < task.solved_below < task.baseline


def test_the_streams_of_a_seed_are_all_different() -> None:
    streams = Streams.of(0)
    draws = [
        generator(stream).random()
        for stream in (streams.initial, streams.data, streams.probe, streams.validation)
    ]
    assert len(set(draws)) == 4


def entropy(shares: NDArray[np.floating]) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log(present)).sum())


def memoryless_loss(task: Task, batch: Batch) -> float:
    """Return the loss of the best answer that knows the time and the present input alone.

    Of a present input that is no symbol only a linear use is made, and none for a class.
    """
    total = 0.0
    for t in task.asked_times:
        inputs, targets = batch.inputs[t - 1], batch.targets[t - 1]
        if task.loss == "mean_squared_error":
            known = np.hstack([inputs, np.ones((batch.size, 1))])
            _, residuals, rank, _ = np.linalg.lstsq(known, targets)
            assert rank == known.shape[1]
            total += float(residuals.mean()) / batch.size
            continue
        is_symbol = set(np.unique(inputs)) <= {0, 1} and bool(np.all(inputs.sum(axis=1) == 1))
        symbols = inputs.argmax(axis=1) if is_symbol else np.zeros(batch.size, np.int64)
        both = np.bincount(symbols * task.outputs + targets) / batch.size
        total += entropy(both) - entropy(np.bincount(symbols) / batch.size)
    return total / len(task.asked_times)


VARIANTS: list[tuple[str, dict[str, object]]] = [
    *((name, {}) for name in TASKS if name not in READING),
    ("copy", {"ask": "recall"}),
    ("temporal_order", {"symbols": 3}),
    ("reber", {"ask": "outer"}),
    ("reber", {"length": 9}),
    ("reber", {"length": 33}),
    ("sine_forecast", {"ahead": 1}),
    ("sine_forecast", {"ahead": 40}),
]


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


# multiplication


def test_multiplication_asks_for_the_product_of_the_marked_values() -> None:
    batch = draw(make("multiplication", length=21))
    values, markers = batch.inputs[:, :, 0], batch.inputs[:, :, 1]
    marked = np.where(markers == 1, values, 1.0)
    np.testing.assert_allclose(batch.targets[-1, :, 0], marked.prod(axis=0), rtol=1e-15)


def test_multiplication_reads_what_adding_reads() -> None:
    adding, multiplication = draw(make("adding")), draw(make("multiplication"))
    assert np.array_equal(adding.inputs, multiplication.inputs)
    assert not np.array_equal(adding.targets, multiplication.targets)


# latch


def test_the_latch_shows_its_class_once_and_noise_afterwards() -> None:
    batch = draw(make("latch", length=30))
    first, noise = batch.inputs[0, :, 0], batch.inputs[1:]
    assert np.array_equal(first, np.where(batch.targets[-1] == 1, 1.0, -1.0))
    # 116,000 draws: standard errors of 0.0013 and 0.0008.
    assert noise.mean() == pytest.approx(0, abs=0.007)
    assert noise.var() == pytest.approx(0.2, abs=0.005)
    assert abs(np.corrcoef(first, noise[-1, :, 0])[0, 1]) < 0.1


def test_a_latch_without_noise_is_silent() -> None:
    assert np.all(draw(make("latch", noise=0), 5).inputs[1:] == 0)


# parity


def test_parity_counts_the_ones() -> None:
    batch = draw(make("parity", length=9), 200)
    assert set(np.unique(batch.inputs)) == {-1.0, 1.0}
    for sequence in range(200):
        ones = sum(1 for bit in batch.inputs[:, sequence, 0] if bit > 0)
        assert batch.targets[-1, sequence] == ones % 2


def test_one_bit_turned_turns_the_parity() -> None:
    batch = draw(make("parity", length=12))
    # All bits but one: nothing can be said of the answer.
    for t in range(12):
        assert abs(np.corrcoef(batch.inputs[t, :, 0], batch.targets[-1])[0, 1]) < 0.1


# reber

SHOWN = "BTPSXVE"


def inner_is_legal(text: str) -> bool:
    """Whether a text is a string of the Reber grammar, by walking its published graph."""
    graph = {
        "start": {"B": "one"},
        "one": {"T": "left", "P": "right"},
        "left": {"S": "left", "X": "low"},
        "right": {"T": "right", "V": "high"},
        "low": {"X": "right", "S": "exit"},
        "high": {"P": "low", "V": "exit"},
        "exit": {"E": "end"},
        "end": {},
    }
    node = "start"
    for symbol in text:
        if symbol not in graph[node]:
            return False
        node = graph[node][symbol]
    return node == "end"


@pytest.mark.parametrize(
    "text", ["BTSSXXTVVE", "BPVVE", "BTXXVPSE", "BPVPXVPXVPXVVE", "BTSXXVPSE", "BTXSE"]
)
def test_published_strings_are_legal(text: str) -> None:
    assert inner_is_legal(text)


@pytest.mark.parametrize("text", ["BTSSXPSE", "BPTVVB", "BTXXVVSE", "BPVSPSE", "BTSSSE"])
def test_published_counterexamples_are_not(text: str) -> None:
    assert not inner_is_legal(text)


@pytest.mark.parametrize("length", [9, 10, 11, 20, 45])
def test_reber_strings_are_embedded_legal_ones(length: int) -> None:
    batch = draw(make("reber", length=length), 300)
    outer = set()
    for column in batch.inputs.argmax(axis=2).T:
        text = "".join(SHOWN[symbol] for symbol in column)
        assert text[0] + text[-1] == "BE"
        assert text[1] == text[-2]
        assert inner_is_legal(text[2:-2]), text
        outer.add(text[1])
    assert outer == {"T", "P"}


def test_reber_asks_for_the_next_symbol() -> None:
    batch = draw(make("reber"), 50)
    shown = batch.inputs.argmax(axis=2)
    assert np.array_equal(batch.targets[:-1], shown[1:])


def test_reber_strings_come_as_often_as_the_grammar_says() -> None:
    # Five inner symbols leave two strings.
    batch = draw(make("reber", length=9), 20_000)
    inner = ["".join(SHOWN[s] for s in column) for column in batch.inputs.argmax(axis=2)[2:-2].T]
    assert set(inner) == {"BTXSE", "BPVVE"}
    assert inner.count("BTXSE") / 20_000 == pytest.approx(0.5, abs=0.02)
    # Seven leave several: each has as many edges, so all are alike.
    longer = draw(make("reber", length=11), 20_000).inputs.argmax(axis=2)[2:-2].T
    texts = ["".join(SHOWN[s] for s in column) for column in longer]
    assert {"BTSSXSE", "BTXXVVE", "BPTTVVE"} <= set(texts)
    counts = np.array([texts.count(text) for text in sorted(set(texts))])
    np.testing.assert_allclose(counts / 20_000, 1 / len(counts), atol=0.02)


@pytest.mark.parametrize("length", [9, 12, 33])
def test_the_least_loss_is_what_chance_leaves(length: int) -> None:
    task = make("reber", length=length)
    shown = draw(task, 20_000).inputs.argmax(axis=2)
    # Every legal inner string of T − 4 symbols is as likely as the next: the entropy of a whole
    # string is the logarithm of how many there are, here counted, and one bit for the outer one.
    inner = {tuple(column) for column in shown[2:-2].T}
    if length < 20:
        expected = (math.log(len(inner)) + math.log(2)) / (length - 2)
        assert task.least == pytest.approx(expected, rel=1e-12)
    assert 0 < task.least < task.baseline


def test_only_the_outer_symbol_may_be_asked_for() -> None:
    task = make("reber", ask="outer", length=24)
    assert task.asked_times == (22,)
    assert task.needed_lag == 20
    assert (task.least, task.baseline) == (0.0, math.log(2))


def test_reber_strings_of_many_lengths_leave_a_few_walks_behind() -> None:
    for length in range(9, 60):
        make("reber", length=length)
    assert walk.cache_info().currsize <= 8


def test_a_long_reber_string_underflows_nowhere() -> None:
    task = make("reber", length=4000)
    assert np.isfinite([task.least, task.baseline]).all()
    assert inner_is_legal("".join(SHOWN[s] for s in draw(task, 1).inputs.argmax(axis=2)[2:-2, 0]))


# sine_forecast


@pytest.mark.parametrize("ahead", [1, 7])
def test_the_sine_is_asked_for_ahead(ahead: int) -> None:
    batch = draw(make("sine_forecast", ahead=ahead, length=40), 30)
    np.testing.assert_array_equal(batch.targets[:-ahead], batch.inputs[ahead:])


def test_three_values_of_a_sine_tell_all_that_follow() -> None:
    batch = draw(make("sine_forecast", ahead=1, length=40), 200)
    x, target = batch.inputs[:, :, 0], batch.targets[:, :, 0]
    # x_{t+1} = 2 cos ω x_t − x_{t−1}, with cos ω from x_t, x_{t−1}, x_{t−2}.
    cosine = (x[2:] + x[:-2]) / (2 * x[1:-1])
    found = 2 * cosine * x[2:] - x[1:-1]
    clear = np.abs(x[1:-1]) > 0.1  # else digits are lost in the division
    np.testing.assert_allclose(found[clear], target[2:][clear], atol=1e-12)
    assert make("sine_forecast").asked_times[0] == 3


def test_periods_are_between_ten_and_forty_steps() -> None:
    x = draw(make("sine_forecast", ahead=1, length=400)).inputs[:, :, 0]
    crossings = (np.diff(np.sign(x), axis=0) != 0).sum(axis=0)
    # Two crossings a period, give or take one at the ends.
    assert crossings.min() >= 2 * 399 / 40 - 1
    assert crossings.max() <= 2 * 399 / 10 + 1


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
