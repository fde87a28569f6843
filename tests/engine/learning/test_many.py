"""Many trainings at once: each is the one it would be by itself, and none feels another."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import engine
from engine.cells import CELLS
from engine.config import RunConfig
from engine.learning import ensembles, train, train_many

ADAM = {"kind": "adam", "learning_rate": 0.02}
Bits = dict[int, list[dict[str, NDArray[Any]]]]


def configure(seed: int = 0, cell: str = "elman", **parts: Mapping[str, object]) -> RunConfig:
    """Return a configuration that is small enough for an ensemble."""
    return RunConfig.from_dict(
        {
            "seed": seed,
            "task": {"kind": "adding", "length": 20, **parts.get("task", {})},
            "model": {"cell": cell, "hidden_size": 4, **parts.get("model", {})},
            "training": {
                "steps": 5,
                "batch_size": 2,
                "precision": "float64",
                "optimizer": ADAM,
                **parts.get("training", {}),
            },
            "recording": {"every": 3, "probe_size": 2, **parts.get("recording", {})},
        }
    )


def seeds(count: int = 4, cell: str = "elman", **parts: Mapping[str, object]) -> list[RunConfig]:
    """Return configurations that differ in their seeds."""
    return [configure(seed, cell, **parts) for seed in range(count)]


def weights(snapshots: engine.Many) -> Bits:
    """Return the weights that every member showed, step by step."""
    found: Bits = {}
    for place, snapshot in snapshots:
        found.setdefault(place, []).append(snapshot.parameters())
    return found


def assert_same_bits(ours: Bits, theirs: Bits, places: Sequence[int]) -> None:
    """Hold some members' weights, step by step, against those of the same elsewhere."""
    for place in places:
        assert len(ours[place]) == len(theirs[place])
        for a, b in zip(ours[place], theirs[place], strict=True):
            for name, value in a.items():
                np.testing.assert_array_equal(value, b[name])


@pytest.mark.parametrize("cell", CELLS)
def test_every_member_is_the_training_it_would_be_by_itself(cell: str) -> None:
    configs = seeds(3, cell, training={"clipping": {"kind": "norm", "threshold": 0.05}})
    assert ensembles(configs) == [[0, 1, 2]]
    alone = [train(config) for config in configs]
    for place, ours in train_many(configs):
        theirs = next(alone[place])
        assert (ours.step, ours.is_last) == (theirs.step, theirs.is_last)
        assert (ours.loss is None) == (theirs.loss is None)
        if ours.loss is not None and theirs.loss is not None:
            np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-10)
            gradients = theirs.network.gradients()
            for name, gradient in ours.network.gradients().items():
                size = np.abs(gradients[name]).max(initial=0)
                np.testing.assert_allclose(gradient, gradients[name], rtol=1e-9, atol=1e-10 * size)
        for name, value in ours.parameters().items():
            np.testing.assert_allclose(value, theirs.parameters()[name], rtol=1e-9, atol=1e-10)
    assert all(next(each, None) is None for each in alone)


@pytest.mark.parametrize("batch", ["probe", "training"])
def test_every_member_has_the_frames_of_its_own_run(batch: str) -> None:
    recording = {"batch": batch, "every": 10}
    configs = seeds(3, "lstm", recording=recording, training={"steps": 12})
    assert len(ensembles(configs)) == 1
    recorders = [engine.Recorder(config) for config in configs]
    frames: dict[int, list[engine.Frame]] = {}
    for place, snapshot in train_many(configs):
        frame = recorders[place].look(snapshot)
        if frame is not None:
            frames.setdefault(place, []).append(frame)
    for place, config in enumerate(configs):
        alone = engine.record(config).frames
        assert [frame.step for frame in frames[place]] == [frame.step for frame in alone]
        for ours, theirs in zip(frames[place], alone, strict=True):
            for part in ("arrays", "series"):
                known = getattr(theirs, part)
                for name, value in getattr(ours, part).items():
                    np.testing.assert_allclose(value, known[name], rtol=1e-6, atol=1e-6)


def test_members_differ_in_rates_optimizers_and_steps() -> None:
    sgd = {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.5}
    configs = [
        configure(1, training={"steps": 2}),
        configure(1, training={"optimizer": sgd, "clipping": None}),
        configure(2, model={"initializer": {"kind": "orthogonal"}}),
    ]
    assert ensembles(configs) == [[0, 1, 2]]
    found = weights(train_many(configs))
    assert [len(found[place]) for place in range(3)] == [3, 6, 6]
    for place, config in enumerate(configs):
        for ours, theirs in zip(found[place], train(config), strict=True):
            for name, value in theirs.parameters().items():
                np.testing.assert_allclose(ours[name], value, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru", "skip", "indrnn", "orthogonal"])
def test_a_member_that_is_dropped_changes_no_bit_of_the_others(cell: str, precision: str) -> None:
    configs = seeds(4, cell, training={"precision": precision})
    whole = weights(train_many(configs))
    many, found = train_many(configs), dict[int, list[dict[str, NDArray[Any]]]]()
    for place, snapshot in many:
        found.setdefault(place, []).append(snapshot.parameters())
        if place == 1 and snapshot.step == 2:
            many.drop(1)
    assert len(found[1]) == 3
    assert_same_bits(found, whole, [0, 2, 3])


def test_a_member_that_was_never_wanted_is_not_trained() -> None:
    configs = seeds(4)
    many = train_many(configs)
    many.drop(0)
    found = weights(many)
    assert sorted(found) == [1, 2, 3]
    assert_same_bits(found, weights(train_many(configs)), [1, 2, 3])


def test_without_members_that_are_wanted_nothing_is_trained() -> None:
    many = train_many(seeds(3))
    for place in range(3):
        many.drop(place)
    assert list(many) == []


def test_a_member_that_diverges_ends_alone() -> None:
    relu = {"activation": "relu"}
    wild = {"optimizer": {"kind": "sgd", "learning_rate": 1e6}, "clipping": None}
    calm = seeds(4, model=relu)
    configs = [calm[0], configure(1, model=relu, training=wild), *calm[2:]]
    ends: dict[int, tuple[bool, int]] = {}
    many = train_many(configs)
    found: Bits = {}
    for place, snapshot in many:
        ends[place] = snapshot.diverged, snapshot.step
        found.setdefault(place, []).append(snapshot.parameters())
    assert ends[1][0]
    assert ends[1][1] < 5
    assert [ends[place] for place in (0, 2, 3)] == [(False, 5)] * 3
    assert_same_bits(found, weights(train_many(calm)), [0, 2, 3])


@pytest.mark.parametrize("stops", [(3, 3, 3), (1, 3, 2)])
def test_members_go_on_from_their_states_bit_for_bit(stops: tuple[int, ...]) -> None:
    configs = seeds(3, "gru", training={"precision": "float32"})
    whole = weights(train_many(configs))
    states: list[Any] = [None] * 3
    for place, snapshot in train_many(configs):
        if snapshot.step == stops[place]:
            states[place] = snapshot.state()
    resumed = weights(train_many(configs, resume=states))
    rest = {place: whole[place][stop:] for place, stop in enumerate(stops)}
    assert_same_bits(resumed, rest, range(3))


def test_whoever_looks_at_a_members_sweep_changes_no_bit() -> None:
    configs = seeds(3, training={"precision": "float32"})
    whole = weights(train_many(configs))
    found: Bits = {}
    for place, snapshot in train_many(configs):
        if snapshot.sweep is not None:
            assert snapshot.sweep is snapshot.sweep
            assert np.isfinite(snapshot.sweep.log10_hidden_norms).all()
        snapshot.update_ratios()
        snapshot.validate()
        found.setdefault(place, []).append(snapshot.parameters())
    assert_same_bits(found, whole, range(3))


def test_trainings_of_other_shapes_come_one_after_the_other() -> None:
    configs = [configure(0), configure(1, model={"hidden_size": 5}), configure(2, "gru")]
    assert ensembles(configs) == [[0], [1], [2]]
    places = [(place, snapshot.step) for place, snapshot in train_many(configs)]
    assert places == [(place, step) for place in range(3) for step in range(6)]
    found = weights(train_many(configs))
    alone = {
        place: [snapshot.parameters() for snapshot in train(config)]
        for place, config in enumerate(configs)
    }
    assert_same_bits(found, alone, range(3))


def test_members_come_by_turns_each_in_its_own_order() -> None:
    steps: dict[int, list[int]] = {}
    for place, snapshot in train_many(seeds(3)):
        steps.setdefault(place, []).append(snapshot.step)
        assert max(map(len, steps.values())) - min(map(len, steps.values())) <= 1
    assert all(b == a + 1 for each in steps.values() for a, b in pairwise(each))


@pytest.mark.parametrize(
    "other",
    [
        lambda: configure(task={"length": 21}),
        lambda: configure(cell="gru"),
        lambda: configure(model={"hidden_size": 5}),
        lambda: configure(model={"activation": "relu"}),
        lambda: configure(model={"layers": 2}),
        lambda: configure(training={"batch_size": 3}),
        lambda: configure(training={"precision": "float32"}),
        lambda: configure(training={"reduction": "sum"}),
        lambda: configure(training={"truncation": 4}),
    ],
)
def test_another_shape_belongs_to_no_ensemble(other: Callable[[], RunConfig]) -> None:
    assert ensembles([*seeds(3), other()]) == [[0, 1, 2], [3]]


@pytest.mark.parametrize(
    "parts",
    [
        {"training": {"batch_size": 64}},
        {"training": {"regularizer": {"kind": "vanishing", "weight": 0.1}}},
        {"recording": {"batch": "training", "every": 1}},
    ],
)
def test_what_gains_nothing_is_trained_by_itself(parts: Mapping[str, Any]) -> None:
    assert ensembles(seeds(3, **parts)) == [[0], [1], [2]]


def test_arguments_are_one_for_each_configuration() -> None:
    with pytest.raises(ValueError, match="resume: expected one for each of 3 configurations, got"):
        train_many(seeds(3), resume=[None])


def test_first_weights_can_be_given_to_some() -> None:
    configs = seeds(3)
    given = next(train(configure(9))).parameters()
    first = {
        place: s.parameters()
        for place, s in train_many(configs, initial=[None, given, None])
        if s.step == 0
    }
    for name, value in given.items():
        np.testing.assert_array_equal(first[1][name], value)
        assert not np.array_equal(first[0][name], value) or not value.any()
