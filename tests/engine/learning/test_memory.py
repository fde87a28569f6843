"""A training that recomputes its states ends with the bits of one that keeps them."""

from typing import Any

import numpy as np
import pytest

from engine import Recorder, RunConfig, train
from engine.bptt.segmented_sweep import SegmentedSweep
from engine.bptt.sweep import Sweep
from engine.errors import ConfigError, EngineError
from engine.learning import ensembles
from engine.learning.memory import recomputes
from engine.learning.training import Training
from engine.tasks import make_task

SMALL: dict[str, Any] = {
    "task": {"kind": "copy", "length": 39, "validation": 0.02},
    "model": {"cell": "lstm", "hidden_size": 5, "layers": 2},
    "training": {"steps": 4, "batch_size": 3},
    "recording": {"every": 2, "probe_size": 2},
}
LONG: dict[str, Any] = {
    "task": {"kind": "adding", "length": 20_000},
    "model": {"cell": "lstm", "hidden_size": 256},
    "training": {"batch_size": 8},
}


def configure(base: dict[str, Any], **training: object) -> RunConfig:
    recording = {"recording": {**base.get("recording", {}), **training.pop("recording", {})}}  # type: ignore[dict-item]  # a part of the configuration
    whole = {**base, "training": {**base["training"], **training}, **recording}
    return RunConfig.from_dict(whole)


@pytest.mark.parametrize("truncation", [None, 10])
def test_weights_and_frames_are_the_same_to_the_last_bit(truncation: int | None) -> None:
    found = []
    for memory in ("whole", "recomputed"):
        config = configure(SMALL, memory=memory, truncation=truncation)
        recorder, bits = Recorder(config), []
        for snapshot in train(config):
            frame = recorder.look(snapshot)
            bits.append(snapshot.network.flat.tobytes())
            if frame is not None:
                bits += [a.tobytes() for a in (*frame.arrays.values(), *frame.series.values())]
        found.append(bits)
    assert len(found[0]) > 40
    assert found[0] == found[1]


def test_a_snapshots_sweep_has_the_norms_and_refuses_the_rest() -> None:
    sweep = next(train(configure(SMALL, memory="recomputed"))).sweep
    assert sweep is not None
    assert np.isfinite(sweep.log10_hidden_norms).any()
    with pytest.raises(EngineError, match=r"training\.memory"):
        sweep.gains()


def test_nobody_chose_and_states_are_kept_whole_until_they_are_over_a_gibibyte() -> None:
    kinds = [type(Training(configure(base)).sweep) for base in (SMALL, LONG)]
    assert kinds == [Sweep, SegmentedSweep]


@pytest.mark.parametrize(
    "kept",
    [
        {"memory": "whole"},
        {"recording": {"batch": "training"}},
        {"regularizer": {"kind": "vanishing", "weight": 1.0}},
    ],
    ids=str,
)
def test_what_needs_every_step_keeps_it(kept: dict[str, object]) -> None:
    base = LONG | {"model": {"cell": "elman", "hidden_size": 2048}}
    config = configure(base, **kept)
    assert not recomputes(config, make_task(config.task, 0, "float32", None))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"recording": {"batch": "training"}}, "a frame of the training batch"),
        ({"regularizer": {"kind": "vanishing", "weight": 1.0}}, "a regularizer"),
    ],
)
def test_recomputing_what_is_looked_at_is_refused(other: dict[str, object], reason: str) -> None:
    base = SMALL | {"model": {"cell": "elman", "hidden_size": 5}}
    with pytest.raises(ConfigError) as caught:
        configure(base, memory="recomputed", **other)
    (problem,) = caught.value.problems
    assert problem.pointer == "/training/memory"
    assert problem.detail == f"{reason} needs the states of every step: expected whole or automatic"


def test_trainings_that_recompute_are_swept_one_by_one() -> None:
    assert ensembles([configure(SMALL)] * 3) == [[0, 1, 2]]
    assert ensembles([configure(SMALL, memory="recomputed")] * 3) == [[0], [1], [2]]
