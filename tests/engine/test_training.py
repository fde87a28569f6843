"""The training loop: when things happen, and that the same configuration gives the same bits."""

import json
import math
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.bptt.sweep import Sweep
from engine.cells import CELLS
from engine.config import RunConfig
from engine.errors import ConfigError, ShapeError
from engine.learning import Snapshot, train
from engine.learning.snapshot import State
from engine.recording import Recorder
from engine.tasks import TASKS
from tests.engine.uploaded_data import READING, uploaded

Json = dict[str, object]

ADAM = {"kind": "adam", "learning_rate": 0.01}
MOMENTUM = {"kind": "sgd", "learning_rate": 0.01, "momentum": 0.9}


def configure(
    cell: str = "gru",
    task: str = "temporal_order",
    model: Json | None = None,
    recording: Json | None = None,
    **training: object,
) -> RunConfig:
    """Return a small configuration."""
    options: Json = {"steps": 6, "batch_size": 3, "optimizer": ADAM, **training}
    lengths = {"digits": 64, "copy": 24}
    return RunConfig.from_dict(
        {
            "seed": 4,
            "task": {"kind": task, "length": lengths.get(task, 12), "validation": 0.02},
            "model": {"cell": cell, "hidden_size": 5, **(model or {})},
            "training": options,
            "recording": {"probe_size": 2, **(recording or {})},
        }
    )


def ignore(_snapshot: Snapshot) -> None:
    """Look at nothing."""


def weights_along(
    config: RunConfig, look: Callable[[Snapshot], object] = ignore
) -> list[NDArray[np.floating]]:
    """Return the weights at every snapshot, each looked at on the way."""
    found = []
    for snapshot in train(config, data=uploaded(config.kind_of_task)):
        look(snapshot)
        found.append(snapshot.network.flat.copy())
    return found


def same(first: list[NDArray[np.floating]], second: list[NDArray[np.floating]]) -> bool:
    return len(first) == len(second) and all(
        a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True)
    )


# When


def test_there_is_a_snapshot_before_each_update_and_one_at_the_end() -> None:
    seen = [(s.step, s.is_last, s.batch is None) for s in train(configure(steps=3))]
    assert seen == [(0, False, False), (1, False, False), (2, False, False), (3, True, True)]


def test_without_steps_there_is_one_snapshot() -> None:
    (only,) = train(configure(steps=0))
    assert (only.step, only.steps, only.is_last, only.loss) == (0, 0, True, None)
    assert only.parameter_gradient_norms == {}


def test_the_last_snapshot_has_a_batch_where_the_training_batch_is_recorded() -> None:
    first = {"recording": {"batch": "training"}}
    *_, last = train(configure(steps=2, **first))  # type: ignore[arg-type]
    assert last.is_last
    assert last.batch is not None
    assert last.sweep is not None
    assert last.loss is not None
    assert last.gradient_norm is not None


def test_the_last_batch_is_the_one_that_a_longer_training_goes_on_with() -> None:
    short = configure(steps=2, recording={"batch": "training"})
    *_, last = train(short)
    assert last.batch is not None
    longer = next(islice(train(configure(steps=5)), 2, None))
    assert longer.batch is not None
    assert last.batch.inputs.tobytes() == longer.batch.inputs.tobytes()
    assert last.loss == longer.loss


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_snapshots_loss_and_gradient_belong_to_the_weights_it_shows(reduction: str) -> None:
    config = configure(precision="float64", reduction=reduction)
    for snapshot in islice(train(config), 3):
        assert snapshot.batch is not None
        gradient = snapshot.network.gradient.copy()
        apart = Sweep(snapshot.network, length=12, batch=3)
        again = apart.forward(snapshot.batch, snapshot.task.loss, reduction)
        apart.backward()
        assert again.value == snapshot.loss
        assert apart.network.gradient.tobytes() == gradient.tobytes()


def test_an_update_is_the_optimizers_on_the_shown_gradient() -> None:
    config = configure(
        optimizer={"kind": "sgd", "learning_rate": 0.5},
        clipping={"kind": "norm", "threshold": 0.01},
        precision="float64",
    )
    training = train(config)
    first = next(training)
    before, gradient = first.network.flat.copy(), first.network.gradient.copy()
    assert first.clip_factor is not None
    assert first.clip_factor < 1
    expected = before - 0.5 * first.clip_factor * gradient
    np.testing.assert_allclose(next(training).network.flat, expected, rtol=1e-13)


def test_norms_are_those_of_the_unclipped_gradient() -> None:
    config = configure(clipping={"kind": "norm", "threshold": 1e-3}, precision="float64")
    snapshot = next(iter(train(config)))
    by_name = snapshot.network.gradients()
    assert set(snapshot.parameter_gradient_norms) == set(by_name)
    for name, gradient in by_name.items():
        expected = float(np.linalg.norm(gradient))
        assert snapshot.parameter_gradient_norms[name] == pytest.approx(expected, rel=1e-12)
    whole = math.sqrt(sum(norm**2 for norm in snapshot.parameter_gradient_norms.values()))
    assert snapshot.gradient_norm == pytest.approx(whole, rel=1e-12)
    assert snapshot.clip_factor == pytest.approx(1e-3 / whole, rel=1e-12)


def test_the_learning_rate_is_the_schedules() -> None:
    config = configure(steps=4, schedule={"kind": "cosine", "final_share": 0.5})
    rates = [snapshot.learning_rate for snapshot in train(config)]
    expected = [0.01 * (0.75 + 0.25 * math.cos(math.pi * s / 4)) for s in range(5)]
    assert rates == pytest.approx(expected, rel=1e-12)


# The same bits


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("task", TASKS)
def test_the_same_configuration_gives_the_same_bits(cell: str, task: str) -> None:
    assert same(weights_along(configure(cell, task)), weights_along(configure(cell, task)))


def test_another_seed_gives_other_weights() -> None:
    config = configure().to_dict()
    other = RunConfig.from_dict({**config, "seed": 5})
    assert not same(weights_along(configure()), weights_along(other))


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_looking_changes_no_bit(precision: str) -> None:
    def look(snapshot: Snapshot) -> None:
        snapshot.validate()
        snapshot.parameters()
        snapshot.state()
        probe = Sweep(snapshot.network, length=12, batch=2)
        probe.forward(snapshot.probe, snapshot.task.loss)

    config = configure(precision=precision)
    assert same(weights_along(config), weights_along(config, look))


def test_the_probes_size_changes_no_bit() -> None:
    larger = configure(recording={"probe_size": 9})
    assert same(weights_along(configure()), weights_along(larger))


# Going on


def through_json(state: State) -> dict[str, object]:
    """Return the state as a store would give it back: arrays apart, the rest as JSON."""
    arrays = {k: np.array(v) for k, v in state.items() if isinstance(v, np.ndarray)}
    rest = {k: v for k, v in state.items() if not isinstance(v, np.ndarray)}
    # A store's JSON has doubles: only texts keep 128 bits.
    return {**arrays, **json.loads(json.dumps(rest), parse_int=float)}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("optimizer", [ADAM, MOMENTUM, {"kind": "sgd"}], ids=str)
def test_a_resumed_training_goes_on_bit_for_bit(cell: str, optimizer: Json) -> None:
    config = configure(cell, optimizer=optimizer, schedule={"kind": "cosine"})
    whole = weights_along(config)
    state = next(islice(train(config), 2, None)).state()
    resumed = [s.network.flat.copy() for s in train(config, resume=through_json(state))]
    assert same(resumed, whole[2:])


def switches() -> list[Json]:
    """Return every optimizer, schedule and clipping with all that it remembers at work."""
    clipping = [{"kind": "norm", "threshold": 0.1, "scope": "tensor"}, {"kind": "adaptive"}]
    return [
        {"optimizer": {"kind": "sgd", "momentum": 0.9, "nesterov": True}},
        {"optimizer": {"kind": "rmsprop", "momentum": 0.5, "centered": True}},
        {"optimizer": {"kind": "adagrad"}},
        {"optimizer": {"kind": "adamw"}},
        {"schedule": {"kind": "step", "period": 2}},
        {"schedule": {"kind": "exponential", "factor": 0.5}},
        {"schedule": {"kind": "warmup_cosine", "warmup": 4}},
        {"schedule": {"kind": "plateau", "every": 1, "patience": 0, "threshold": 0.5}},
        {"schedule": {"kind": "plateau", "every": 3, "patience": 0, "threshold": 0.9}},
        *({"clipping": choice} for choice in clipping),
    ]


def test_a_regularized_training_is_resumed_bit_for_bit() -> None:
    config = configure("elman", steps=6, regularizer={"kind": "vanishing", "weight": 0.5})
    whole = weights_along(config)
    state = next(islice(train(config), 3, None)).state()
    resumed = [s.network.flat.copy() for s in train(config, resume=through_json(state))]
    assert same(resumed, whole[3:])
    assert not same(whole, weights_along(configure("elman", steps=6)))


def longer(training: Json) -> RunConfig:
    """Return nine steps of it."""
    options: dict[str, Any] = {"steps": 9, **training}
    return configure(**options)


@pytest.mark.parametrize("stop", [1, 4])
@pytest.mark.parametrize("training", switches(), ids=str)
def test_whatever_is_switched_on_is_resumed_bit_for_bit(training: Json, stop: int) -> None:
    config = longer(training)
    whole = [(s.network.flat.copy(), s.learning_rate, s.clip_factor) for s in train(config)]
    state = next(islice(train(config), stop, None)).state()
    resumed = [
        (s.network.flat.copy(), s.learning_rate, s.clip_factor)
        for s in train(config, resume=through_json(state))
    ]
    assert same([weights for weights, _, _ in resumed], [w for w, _, _ in whole[stop:]])
    assert [rest for _, *rest in resumed] == [rest for _, *rest in whole[stop:]]


@pytest.mark.parametrize("training", switches(), ids=str)
def test_every_switch_changes_the_training(training: Json) -> None:
    plain = weights_along(configure(steps=9))
    assert not same(weights_along(longer(training)), plain)


@pytest.mark.parametrize("training", switches(), ids=str)
def test_recording_changes_no_bit_whatever_is_switched_on(training: Json) -> None:
    config = longer(training)
    recorder = Recorder(config)
    assert same(weights_along(config), weights_along(config, recorder.look))


def test_recording_changes_no_bit_of_a_regularized_training() -> None:
    config = configure(
        "preactivation",
        recording={"every": 2, "batch": "training"},
        regularizer={"kind": "vanishing"},
    )
    recorder = Recorder(config)
    assert same(weights_along(config), weights_along(config, recorder.look))


def test_a_plateau_cuts_the_rate_of_the_update_after_the_look() -> None:
    schedule = {"kind": "plateau", "every": 2, "patience": 0, "threshold": 0.99, "factor": 0.5}
    rates = [s.learning_rate for s in train(configure(schedule=schedule, steps=7))]
    # The first look is the best so far; each one after it, at every second update, cuts.
    assert rates == [0.01] * 4 + [0.005] * 2 + [0.0025] * 2


def test_a_resumed_training_shows_the_saved_step_again() -> None:
    config = configure()
    snapshot = next(islice(train(config), 2, None))
    shown = (snapshot.step, snapshot.loss, snapshot.gradient_norm, snapshot.clip_factor)
    again = next(iter(train(config, resume=snapshot.state())))
    assert (again.step, again.loss, again.gradient_norm, again.clip_factor) == shown


def test_a_finished_training_can_be_extended() -> None:
    whole = weights_along(configure(steps=6))
    *_, last = train(configure(steps=4))
    state = last.state()
    extended = [s.network.flat.copy() for s in train(configure(steps=6), resume=state)]
    assert same(extended, whole[4:])


def test_a_state_is_a_copy() -> None:
    training = train(configure())
    state = next(training).state()
    before = {k: v.copy() for k, v in state.items() if isinstance(v, np.ndarray)}
    next(training)
    for name, array in before.items():
        assert np.array_equal(np.asarray(state[name]), array)


def test_the_state_of_another_configuration_is_refused() -> None:
    state = next(iter(train(configure("lstm")))).state()
    with pytest.raises(ShapeError, match="another configuration"):
        train(configure("gru"), resume=state)
    with pytest.raises(ShapeError, match="float64"):
        train(configure("lstm", precision="float64"), resume=state)


# First weights


def test_first_weights_can_be_given() -> None:
    config = configure()
    given = {k: 0.5 * v for k, v in next(iter(train(config))).parameters().items()}
    started = next(iter(train(config, initial=given))).parameters()
    assert all(np.array_equal(started[name], given[name]) for name in given)


@pytest.mark.parametrize(
    "cell",
    [
        name
        for name, entry in CELLS.items()
        if "weight_hh" in entry.parameters and "weight_hh" not in entry.own_starts
    ],
)
def test_first_weights_are_the_initializers(cell: str) -> None:
    model = {"initializer": {"kind": "orthogonal", "gain": 0.5}, "layers": 2}
    snapshot = next(iter(train(configure(cell, model=model, precision="float64"))))
    for layer in range(2):
        weights = snapshot.parameters()[f"weight_hh_l{layer}"]
        for block in np.split(weights, len(weights) // 5):
            np.testing.assert_allclose(block @ block.T, 0.25 * np.eye(5), atol=1e-14)


def test_the_forget_bias_reaches_the_forget_gate() -> None:
    snapshot = next(iter(train(configure("lstm", model={"forget_bias": 2.5}))))
    blocks = np.split(snapshot.parameters()["bias_ih_l0"], 4)
    assert np.all(blocks[1] == 2.5)
    assert not np.any(blocks[0] == 2.5)


@pytest.mark.parametrize("layer_skips", [False, True])
def test_without_bias_there_is_none(layer_skips: bool) -> None:
    model: Json = {"bias": False, "layers": 2, "layer_skips": layer_skips}
    *_, last = train(configure("gru", model=model))
    assert not [name for name in last.parameters() if "bias" in name]


def test_a_task_that_makes_its_data_takes_none() -> None:
    with pytest.raises(ConfigError, match="/task/dataset"):
        train(configure(), data={"inputs": np.zeros((1, 1, 1))})


@pytest.mark.parametrize("task", READING)
def test_a_task_that_reads_data_asks_for_them(task: str) -> None:
    with pytest.raises(ConfigError, match="expected one, got none"):
        train(configure(task=task))


def test_a_model_to_start_from_needs_its_weights() -> None:
    config = configure(model={"from_model": "m1"})
    with pytest.raises(ConfigError, match="/model/from_model"):
        train(config)
    weights = next(iter(train(configure()))).parameters()
    first = next(iter(train(config, initial=weights)))
    assert same([first.network.flat], [next(iter(train(configure()))).network.flat])


def test_weights_without_a_read_out_get_the_one_that_is_drawn() -> None:
    drawn = next(iter(train(configure()))).parameters()
    given = {name: value * 2 for name, value in drawn.items() if not name.startswith("readout.")}
    first = next(iter(train(configure(), initial=given))).parameters()
    for name, value in drawn.items():
        assert np.array_equal(first[name], value if name.startswith("readout.") else value * 2)


# Held out


@pytest.mark.parametrize("task", TASKS)
def test_the_held_out_loss_is_that_of_the_whole_set(task: str) -> None:
    config = configure("elman", task, precision="float64")
    snapshot = next(iter(train(config, data=uploaded(task))))
    batch = snapshot.validation
    whole = Sweep(snapshot.network, length=snapshot.task.length, batch=batch.size)
    expected = whole.forward(batch, snapshot.task.loss)
    loss, accuracy = snapshot.validate()
    assert loss == pytest.approx(expected.value, rel=1e-12)
    assert accuracy == (
        None if expected.accuracy is None else pytest.approx(expected.accuracy, rel=1e-12)
    )


def test_a_held_out_sum_is_on_the_scale_of_the_training_loss() -> None:
    means = next(iter(train(configure(task="copy", precision="float64"))))
    sums = next(iter(train(configure(task="copy", precision="float64", reduction="sum"))))
    assert means.batch is not None
    # As many answers as a training batch asks for, whatever the size of the held-out set.
    expected = means.validate()[0] * int(means.batch.mask.sum())
    assert sums.validate()[0] == pytest.approx(expected, rel=1e-12)
    assert means.validation.size != means.batch.size


# Divergence


def test_a_loss_that_is_not_finite_ends_the_training_and_is_shown() -> None:
    config = configure(
        "elman",
        "adding",
        model={"activation": "relu"},
        steps=200,
        optimizer={"kind": "sgd", "learning_rate": 1e3},
        clipping=None,
    )
    seen = list(train(config))
    last = seen[-1]
    assert last.diverged
    assert last.is_last
    assert 0 < last.step < 200
    assert last.loss is not None
    assert not math.isfinite(last.loss)
    assert not any(s.diverged for s in seen[:-1])


def test_a_diverged_training_can_still_be_looked_at() -> None:
    config = configure(
        "lstm",
        "adding",
        model={"layers": 2},
        steps=400,
        optimizer={"kind": "sgd", "learning_rate": 1e6},
        clipping=None,
    )
    *_, last = train(config)
    assert last.diverged
    loss, _ = last.validate()
    assert not math.isfinite(loss)
    assert last.batch is not None
    assert last.gradient_norm is not None


@pytest.mark.parametrize("batch", ["probe", "training"])
def test_a_last_update_that_blows_up_is_a_divergence(batch: str) -> None:
    config = configure(
        "elman",
        "adding",
        model={"activation": "relu"},
        recording={"batch": batch},
        steps=1,
        optimizer={"kind": "sgd", "learning_rate": 1e6},
        clipping=None,
    )
    first, last = list(train(config))
    assert not first.diverged
    assert (last.step, last.is_last, last.diverged) == (1, True, True)
    assert last.loss is not None
    assert not math.isfinite(last.loss)
    recorder = Recorder(config)
    frames = [frame for s in train(config) if (frame := recorder.look(s)) is not None]
    assert frames[-1].diverged
    # The step at which it happened is part of the series.
    assert sum(len(frame.series["loss"]) for frame in frames) == 2


def test_a_last_update_that_comes_through_leaves_no_batch() -> None:
    *_, last = train(configure(steps=2))
    assert not last.diverged
    assert (last.batch, last.sweep, last.loss) == (None, None, None)
