"""A run's result gives every statistic with its true coordinates."""

from collections.abc import Callable

import numpy as np
import pytest

from engine import RunConfig, layouts, record
from engine.errors import UnknownNameError

Configure = Callable[..., RunConfig]


def test_statistics_come_with_the_steps_of_their_frames(configure: Configure) -> None:
    recorded = record(configure()).statistic("last_loss_gradient")
    assert recorded.axes == ("step", "layer", "state_time")
    assert recorded.coords["step"] == (0, 3, 6, 7)
    assert recorded.coords["state_time"] == tuple(range(1, 9))
    assert recorded.scale == "log10"
    assert recorded.values.shape == (4, 1, 8)


def test_every_announced_statistic_can_be_had(configure: Configure) -> None:
    config = configure()
    result = record(config)
    for name, layout in layouts(config).items():
        recorded = result.statistic(name)
        assert recorded.values.shape == tuple(len(recorded.coords[axis]) for axis in layout.axes)


def test_what_was_not_recorded_is_refused_with_what_was(configure: Configure) -> None:
    result = record(configure(recording={"statistics": []}))
    with pytest.raises(UnknownNameError, match=r"hidden_gradient.*known: .*last_loss_gradient"):
        result.statistic("hidden_gradient")


def test_parameters_are_those_of_the_end(configure: Configure) -> None:
    config = configure(training={"steps": 3})
    untrained = record(configure(training={"steps": 0})).parameters
    trained = record(config).parameters
    assert set(trained) == {
        "weight_ih_l0",
        "weight_hh_l0",
        "bias_ih_l0",
        "readout.weight",
        "readout.bias",
    }
    assert not np.array_equal(trained["readout.bias"], untrained["readout.bias"])


def test_a_run_without_updates_has_the_frame_of_its_start(configure: Configure) -> None:
    result = record(configure(training={"steps": 0}))
    assert [frame.step for frame in result.frames] == [0]
    assert not result.diverged
    assert result.verdict.step == 0
