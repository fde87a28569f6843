"""What is told of a training elsewhere shows what was seen there, bit for bit."""

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import Frame, Recorder, Replica, RunConfig, ShapeError, report_of, train
from engine.statistics import STATISTICS

Configure = Callable[..., RunConfig]
CLASSES = {"kind": "temporal_order", "length": 12}
VARIED: dict[str, dict[str, Any]] = {
    "plain": {},
    "classes, summed": {"task": CLASSES, "training": {"reduction": "sum"}},
    "double": {"training": {"precision": "float64"}},
    "two layers of lstm": {"model": {"cell": "lstm", "layers": 2}},
    "diverging": {
        "model": {"activation": "identity"},
        "training": {"optimizer": {"kind": "sgd", "learning_rate": 1e6}, "clipping": None},
    },
    "regularized": {"training": {"regularizer": {"kind": "vanishing"}}},
    "plateau": {"training": {"schedule": {"kind": "plateau"}}},
}


def require_same(found: Frame, seen: Frame) -> None:
    assert (found.step, found.series_start, found.diverged) == (
        seen.step,
        seen.series_start,
        seen.diverged,
    )
    for arrays, expected in ((found.arrays, seen.arrays), (found.series, seen.series)):
        assert arrays.keys() == expected.keys()
        for name in expected:
            assert arrays[name].dtype == expected[name].dtype, name
            assert arrays[name].tobytes() == expected[name].tobytes(), name


@pytest.mark.parametrize("name", VARIED)
def test_frames_of_what_was_told_have_the_bits_of_what_was_seen(
    configure: Configure, name: str
) -> None:
    config = configure(recording={"statistics": list(STATISTICS)}, **VARIED[name])
    replica, here, elsewhere = Replica(config), Recorder(config), Recorder(config)
    frames = 0
    for seen in train(config):
        due = config.recording.is_due(seen.step, last=seen.steps) or seen.is_last
        told = replica.told(report_of(seen, whole=due))
        expected, found = elsewhere.look(seen), here.look(told)
        assert (found is None) is (expected is None)
        if found is not None and expected is not None:
            require_same(found, expected)
            frames += 1
        assert told.is_whole is due
        for field in ("step", "loss", "accuracy", "penalty", "gradient_norm", "is_last"):
            np.testing.assert_array_equal(getattr(told, field), getattr(seen, field))
    assert frames >= (2 if name == "diverging" else 4)


def test_a_training_goes_on_elsewhere_from_the_replica_s_state(configure: Configure) -> None:
    config = configure()
    replica = Replica(config)
    seen = [next(snapshots) for snapshots in [replica.snapshots()] for _ in range(3)]
    state = seen[-1].state()
    replica.hand_over()
    expected = [snapshot.loss for snapshot in train(config)]
    going_on = train(config, resume=state)
    told = [replica.told(report_of(snapshot, whole=True)) for snapshot in going_on]
    assert [snapshot.loss for snapshot in told] == expected[2:]
    last = [snapshot.parameters() for snapshot in train(config)][-1]
    assert all((told[-1].parameters()[name] == values).all() for name, values in last.items())


def test_a_snapshot_that_is_not_whole_has_no_state(configure: Configure) -> None:
    config = configure()
    told = Replica(config).told(report_of(next(train(config)), whole=False))
    with pytest.raises(ValueError, match="the state after 0 updates was not told"):
        told.state()


def test_a_state_of_another_configuration_is_refused(configure: Configure) -> None:
    larger = configure(model={"hidden_size": 9})
    with pytest.raises(ShapeError, match="weights"):
        Replica(configure()).told(report_of(next(train(larger)), whole=True))


def test_what_was_handed_over_takes_no_memory_here(configure: Configure) -> None:
    replica = Replica(configure())
    next(replica.snapshots())
    [tape] = [weakref.ref(each) for each in replica._training.sweep.tapes]
    replica.hand_over()
    assert tape() is None
