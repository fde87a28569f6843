"""Tasks of uploaded data: what they ask, how they split, scale and mask, and what they refuse."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine import RunConfig, describe_task, estimate, layouts, record, train
from engine.errors import ConfigError
from engine.tasks import TASKS, Batch, Task, make_task
from tests.engine.uploaded_data import READING, uploaded

SEED = 5
Data = Mapping[str, NDArray[Any]]


def make(name: str, data: Data, seed: int = SEED, **options: Any) -> Task:  # noqa: ANN401
    return make_task(TASKS[name].options(**options), seed, "float64", data)


def draw(task: Task, size: int = 50) -> Batch:
    return task.training_batch(np.random.default_rng(0), size)


def configure(name: str, **task: object) -> RunConfig:
    return RunConfig.from_dict(
        {
            "task": {"kind": name, **task},
            "model": {"cell": "elman", "hidden_size": 4},
            "training": {"steps": 2, "batch_size": 4},
            "recording": {"every": 1, "probe_size": 3},
        }
    )


# text


def test_text_asks_for_the_next_character() -> None:
    text = np.frombuffer(b"to be or not to be, that is the question " * 30, np.uint8)
    batch = draw(make("text", {"characters": text}, length=7))
    shown = np.unique(text)[batch.inputs.argmax(axis=2)]
    asked = np.unique(text)[batch.targets]
    assert np.array_equal(asked[:-1], shown[1:])
    whole = bytes(text)
    for column in np.concatenate([shown, asked[-1:]]).T:
        assert bytes(column.astype(np.uint8)) in whole


def test_the_baseline_of_a_text_is_what_pairs_of_characters_tell() -> None:
    # b follows a always; after b comes a or c, c is followed by a: from counts by hand.
    text = np.frombuffer(b"abcab" * 40 + b"a" * 20, np.uint8)
    first = text[:198].tolist()
    pairs = list(itertools.pairwise(first))
    expected = 0.0
    for pair in set(pairs):
        share = pairs.count(pair) / len(pairs)
        before = sum(1 for p in pairs if p[0] == pair[0]) / len(pairs)
        expected -= share * math.log(share / before)
    assert make("text", {"characters": text}, length=5).baseline == pytest.approx(expected)


def test_a_text_of_too_many_characters_is_refused() -> None:
    with pytest.raises(ConfigError, match="more than 1024 different"):
        make("text", {"characters": np.arange(5000)})


# series


def test_a_series_asks_for_values_some_steps_ahead() -> None:
    ramp = np.arange(400.0)
    task = make("series", {"ramp": ramp}, length=6, ahead=3, normalize="none")
    batch = draw(task)
    assert np.array_equal(batch.targets, batch.inputs + 3)
    assert batch.inputs.max() < 360
    assert task.baseline == pytest.approx(0, abs=1e-12)
    held = task.validation().inputs
    assert held.min() == 360
    assert np.all(np.diff(held, axis=0) == 1)


def test_columns_are_chosen_by_name() -> None:
    data = {"a": np.arange(200.0), "b": np.arange(200.0) + 1000}
    task = make("series", data, length=5, inputs=("a", "b"), targets=("b",), normalize="none")
    batch = draw(task)
    assert (task.inputs, task.outputs) == (2, 1)
    assert np.array_equal(batch.targets[:, :, 0], batch.inputs[:, :, 1] + 1)
    with pytest.raises(ConfigError, match="/task/targets/0: unknown column 'c'; known: a, b"):
        make("series", data, targets=("c",))


@pytest.mark.parametrize(
    ("how", "low", "high"), [("standard", -math.sqrt(3), math.sqrt(3)), ("range", 0, 1)]
)
def test_a_series_is_scaled_by_its_training_part(how: str, low: float, high: float) -> None:
    values = np.concatenate([np.linspace(5, 9, 9000), np.linspace(9, 900, 1000)])
    task = make("series", {"x": values}, length=1, normalize=how)
    inputs = draw(task, 20_000).inputs
    assert inputs.min() == pytest.approx(low, abs=2e-3)
    assert inputs.max() == pytest.approx(high, abs=2e-3)
    assert task.validation().inputs.max() > 100


def test_missing_values_are_carried_on_and_never_asked_for() -> None:
    values = np.arange(300.0)
    values[[0, 10, 11, 50]] = np.nan
    task = make("series", {"x": values}, length=4, normalize="none")
    batch = draw(task, 2000)
    assert np.isfinite(batch.inputs).all()
    assert np.isfinite(batch.targets).all()
    told = batch.targets[..., 0]
    assert np.array_equal(told == 0, ~batch.mask)
    # What follows a gap is asked for with the last known value on the way in.
    after = batch.inputs[..., 0][told == 12]
    assert set(after.tolist()) == {9.0}


def test_the_baseline_of_a_series_is_the_best_line() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=50_000)
    values = np.empty_like(x)
    values[0] = 0
    for t in range(1, x.size):
        values[t] = 0.8 * values[t - 1] + 0.6 * x[t]
    # Of an AR(1) of variance 1 what no line explains is 0.36; 45,000 pairs: within 2 per cent.
    assert make("series", {"x": values}).baseline == pytest.approx(0.36, rel=0.03)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ({"x": np.zeros(40)}, {}, "/task/length: the training part has 36 of 40 steps"),
        ({"x": np.arange(300.0)}, {"length": 40}, "/task/length: the held-out part has 30 of 300"),
        ({"x": np.zeros(40), "y": np.zeros(3)}, {}, "columns of one length, got x 40, y 3"),
        ({"x": np.zeros((4, 4))}, {}, "x: expected 1 axes"),
        ({"x": np.array(["1"])}, {}, "x: expected numbers"),
        ({"x": np.full(900, np.nan)}, {}, "no known value"),
        ({}, {}, "no column"),
    ],
)
def test_what_a_series_cannot_learn_from_is_refused(
    data: Data, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make("series", data, **options)


# arrays


def test_classes_of_sequences_are_asked_at_the_end() -> None:
    rng = np.random.default_rng(2)
    inputs = rng.normal(size=(60, 9, 3))
    classes = rng.integers(0, 4, 60)
    task = make("arrays", {"inputs": inputs, "targets": classes})
    batch = draw(task)
    assert (task.length, task.inputs, task.outputs) == (9, 3, 4)
    assert task.asked_times == (9,)
    for sequence in range(50):
        number = int(np.flatnonzero((inputs[:, 0] == batch.inputs[0, sequence]).all(axis=1))[0])
        assert batch.targets[-1, sequence] == classes[number]


def test_values_of_every_step_are_asked_everywhere() -> None:
    inputs = np.random.default_rng(2).normal(size=(40, 5, 1))
    task = make("arrays", {"inputs": inputs, "targets": np.cumsum(inputs, axis=1)})
    batch = draw(task)
    np.testing.assert_allclose(batch.targets, np.cumsum(batch.inputs, axis=0), rtol=1e-12)
    assert batch.mask.all()
    assert task.asked_times == (1, 2, 3, 4, 5)


def test_the_last_steps_of_longer_sequences_can_be_read() -> None:
    inputs = np.arange(80.0).reshape(10, 8, 1)
    task = make("arrays", {"inputs": inputs, "targets": np.arange(10) % 2}, length=3)
    assert task.length == 3
    assert np.all(draw(task).inputs[0] % 8 == 5)
    with pytest.raises(ConfigError, match="/task/length: expected at most the sequences' 8 steps"):
        make("arrays", {"inputs": inputs, "targets": np.arange(10) % 2}, length=9)


@pytest.mark.parametrize("name", READING)
def test_no_sequence_is_in_both_parts_and_every_seed_holds_out_the_same(name: str) -> None:
    rng = np.random.default_rng(0)
    found: dict[str, Data] = {
        "arrays": {"inputs": rng.normal(size=(50, 4, 1)), "targets": rng.integers(0, 2, 50)},
        "series": {"x": rng.normal(size=800)},
        "text": {"characters": np.arange(1000) % 1000},
    }
    data = found[name]
    options: dict[str, Any] = {} if name == "arrays" else {"length": 8}
    task = make(name, data, **options)
    held = task.validation().inputs
    known = {column.tobytes() for column in held.transpose(1, 0, 2)}
    trained = {column.tobytes() for column in draw(task, 3000).inputs.transpose(1, 0, 2)}
    assert known.isdisjoint(trained)
    assert np.array_equal(held, make(name, data, seed=99, **options).validation().inputs)


def test_a_probe_asks_at_the_last_time_even_where_few_sequences_do() -> None:
    rng = np.random.default_rng(4)
    mask = np.zeros((400, 6), np.bool_)
    mask[:, 2] = True
    mask[:20, 5] = True
    data = {"inputs": rng.normal(size=(400, 6, 1)), "targets": rng.integers(0, 2, (400, 6))}
    config = configure("arrays")
    result = record(config, data={**data, "mask": mask})
    rows = result.statistic("last_loss_gradient").values
    assert np.isfinite(rows[:, 0]).all()
    assert result.verdict.word != "undefined"


ONES = np.ones((4, 3, 2))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"targets": np.zeros(4)}, "inputs: expected among the arrays, got targets"),
        ({"inputs": ONES}, "targets: expected among the arrays"),
        ({"inputs": ONES[0], "targets": np.zeros(4)}, "inputs: expected 3 axes"),
        ({"inputs": ONES[:1], "targets": np.zeros(1)}, "at least 2 sequences, got 1"),
        ({"inputs": ONES, "targets": np.zeros(5)}, r"targets: expected class numbers \[4\]"),
        (
            {"inputs": ONES, "targets": np.zeros((4, 3))},
            r"values \[4\] or \[4, 3, K\], got float64",
        ),
        ({"inputs": ONES, "targets": np.array([0, 1, 2, -1])}, "from 0 to 9999, got -1 … 2"),
        ({"inputs": ONES, "targets": np.zeros(4), "mask": np.ones(4)}, r"mask: expected \[4, 3\]"),
        (
            {"inputs": ONES, "targets": np.zeros(4), "mask": np.ones((4, 3))},
            "asks before the last step",
        ),
        (
            {"inputs": ONES, "targets": np.zeros((4, 3), int), "mask": np.zeros((4, 3))},
            "sequence 0 is asked at no step",
        ),
        ({"inputs": ONES, "targets": np.zeros(4), "extra": ONES}, "unknown array 'extra'"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(data: Data, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make("arrays", data)


# All of them


@pytest.mark.parametrize("name", READING)
def test_a_run_of_uploaded_data_is_announced_and_recorded(name: str) -> None:
    data = uploaded(name)
    config = configure(name, **({} if name == "arrays" else {"length": 10}))
    facts = describe_task(config, data)
    assert facts["needed_lag"] is None
    assert estimate(config, data).frames == 3
    result = record(config, data=data)
    for frame in result.frames:
        for key, layout in layouts(config, data).items():
            if not layout.per_step:
                assert frame.arrays[key].shape == layout.shape
    assert result.verdict.needed_lag is None


@pytest.mark.parametrize("name", READING)
def test_a_lag_that_is_known_is_told(name: str) -> None:
    assert describe_task(configure(name, needed_lag=3), uploaded(name))["needed_lag"] == 3


@pytest.mark.parametrize("name", READING)
def test_training_on_uploaded_data_beats_the_baseline_or_comes_close(name: str) -> None:
    config = configure(name, **({} if name == "arrays" else {"length": 10})).to_dict()
    adam = {"kind": "adam", "learning_rate": 0.02}
    training = {"steps": 150, "batch_size": 16, "optimizer": adam}
    longer = RunConfig.from_dict({**config, "training": training})
    losses = [s.loss for s in train(longer, data=uploaded(name)) if s.loss is not None]
    facts: dict[str, Any] = dict(describe_task(longer, uploaded(name)))
    assert np.mean(losses[-20:]) < min(losses[0], 1.1 * facts["baseline"])
