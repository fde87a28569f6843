"""A training on several threads is the one on a single thread, to rounding."""

import subprocess
import sys
import threading
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import Recorder, RunConfig, Snapshot, train, train_many
from engine.config import CaptureConfig
from engine.errors import ConfigError, EngineError
from engine.learning import ensembles

ROOT = Path(__file__).parents[3]

CLOSE = 1e-9
"""Rounding of 1e-16 an update, which training amplifies: six updates leave less than 1e-12."""

BASE: Mapping[str, Any] = {
    "task": {"kind": "copy", "length": 25, "validation": 0.02},
    "model": {"cell": "gru", "hidden_size": 5},
    "training": {"steps": 6, "batch_size": 7, "precision": "float64"},
    "recording": {"every": 3, "probe_size": 2},
}
REGULARIZED = {"regularizer": {"kind": "vanishing", "weight": 3.0}}


def configure(threads: int = 3, **parts: Mapping[str, object]) -> RunConfig:
    whole = {name: {**part, **parts.get(name, {})} for name, part in BASE.items()}
    whole["training"]["threads"] = threads
    return RunConfig.from_dict(whole)


def numbers(snapshot: Snapshot) -> dict[str, float]:
    """Return what a snapshot shows of the step, NaN where it shows nothing."""
    found = {
        "loss": snapshot.loss,
        "accuracy": snapshot.accuracy,
        "penalty": snapshot.penalty,
        "norm": snapshot.gradient_norm,
        "factor": snapshot.clip_factor,
        **snapshot.parameter_gradient_norms,
    }
    return {name: np.nan if value is None else value for name, value in found.items()}


def bits(snapshot: Snapshot) -> tuple[bytes, ...]:
    parts = snapshot.network.flat, snapshot.network.gradient
    return str(numbers(snapshot)).encode(), *(part.tobytes() for part in parts)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"model": {"cell": "lstm", "layers": 2, "bidirectional": True}},
        {"training": {"reduction": "sum", "clipping": {"kind": "adaptive", "threshold": 0.01}}},
        {"training": {"truncation": 7, "optimizer": {"kind": "adam", "learning_rate": 0.01}}},
        {"training": {"memory": "recomputed"}},
        {"model": {"cell": "elman", "layers": 2}, "training": REGULARIZED},
        {"model": {"cell": "preactivation"}, "training": REGULARIZED | {"reduction": "sum"}},
    ],
    ids=str,
)
def test_losses_norms_and_weights_are_those_of_one_thread(
    parts: Mapping[str, Mapping[str, object]],
) -> None:
    pairs = list(zip(train(configure(1, **parts)), train(configure(3, **parts)), strict=True))
    assert len(pairs) == 7
    for single, several in pairs:
        expected = numbers(single)
        assert several.step == single.step
        assert numbers(several) == pytest.approx(expected, rel=CLOSE, abs=CLOSE, nan_ok=True)
        np.testing.assert_allclose(several.network.flat, single.network.flat, atol=CLOSE)
    if "regularizer" in parts.get("training", {}):
        assert pairs[0][1].penalty is not None
        assert pairs[0][1].penalty > 0


@pytest.mark.parametrize("model", [{"cell": "elman"}, {"cell": "lstm"}, {"cell": "cornn"}], ids=str)
@pytest.mark.parametrize("batch", ["probe", "training"])
def test_frames_are_those_of_one_thread(batch: str, model: Mapping[str, object]) -> None:
    found = []
    for threads in (1, 3):
        config = configure(threads, model=model, recording={"batch": batch})
        recorder, frames = Recorder(config), []
        for snapshot in train(config):
            frame = recorder.look(snapshot)
            if frame is not None:
                frames.append({**frame.arrays, **frame.series})
        found.append(frames)
    for single, several in zip(*found, strict=True):
        assert single.keys() == several.keys()
        for name, array in single.items():
            np.testing.assert_allclose(several[name], array, rtol=1e-5, atol=1e-5, err_msg=name)


def test_looking_at_the_batchs_sweep_changes_no_bit_of_the_training() -> None:
    config = configure()
    unseen = [bits(snapshot) for snapshot in train(config)]
    seen = []
    for snapshot in train(config):
        if snapshot.batch is not None:
            sweep = snapshot.sweep
            assert sweep is not None
            assert sweep is snapshot.sweep
            assert sweep.loss.value == pytest.approx(snapshot.loss, rel=CLOSE)
            assert sweep.log10_hidden_norms.shape == (1, snapshot.task.length, 7)
        seen.append(bits(snapshot))
    assert seen == unseen


def test_where_states_are_recomputed_the_sweep_has_the_norms_and_refuses_the_rest() -> None:
    sweep = next(train(configure(training={"memory": "recomputed"}))).sweep
    assert sweep is not None
    assert np.isfinite(sweep.log10_hidden_norms).any()
    with pytest.raises(EngineError, match=r"training\.memory"):
        sweep.gains()


@pytest.mark.parametrize("memory", ["whole", "recomputed"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_training_has_the_same_bits_again_and_after_it_was_resumed(
    precision: str, memory: str
) -> None:
    config = configure(training={"precision": precision, "memory": memory})
    once = [bits(snapshot) for snapshot in train(config)]
    snapshots = train(config)
    begun = [bits(next(snapshots)) for _ in range(3)]
    state = next(snapshots).state()
    resumed = [bits(snapshot) for snapshot in train(config, resume=state)]
    assert begun + resumed == once


def test_states_kept_and_recomputed_give_the_same_bits() -> None:
    whole, again = (
        [bits(snapshot) for snapshot in train(configure(training={"memory": memory}))]
        for memory in ("whole", "recomputed")
    )
    assert whole == again


def test_a_training_diverges_at_the_step_at_which_one_thread_does() -> None:
    rate = {"steps": 60, "clipping": None, "optimizer": {"kind": "sgd", "learning_rate": 1e6}}
    parts: dict[str, Mapping[str, object]] = {
        "task": {"kind": "adding"},
        "model": {"cell": "elman", "activation": "relu"},
        "training": rate,
        "recording": {"batch": "training"},
    }
    ends = []
    for threads in (1, 3):
        config = configure(threads, **parts)
        recorder, last = Recorder(config), None
        for snapshot in train(config):
            last, frame = snapshot, recorder.look(snapshot)
        assert last is not None
        assert frame is not None
        assert last.diverged
        assert last.loss is not None
        assert not np.isfinite(last.loss)
        ends.append(last.step)
    assert ends[0] == ends[1] < 60


@pytest.mark.parametrize(
    ("threads", "batch_size", "told"),
    [
        (8, 7, "expected at most one for each of the batch's 7 sequences, got 8"),
        (0, 7, "got 0"),
        (65, 100, "got 65"),
    ],
)
def test_more_threads_than_sequences_are_refused(threads: int, batch_size: int, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configure(threads, training={"batch_size": batch_size})
    (problem,) = caught.value.problems
    assert problem.pointer == "/training/threads"
    assert told in problem.detail


def test_a_capture_has_no_threads_of_ours() -> None:
    capture = {
        "task": {"kind": "captured", "length": 5},
        "model": {"cell": "lstm"},
        "training": {"steps": 0, "threads": 2},
    }
    with pytest.raises(ConfigError) as caught:
        CaptureConfig.from_dict(capture)
    assert "/training/threads" in [problem.pointer for problem in caught.value.problems]


def test_members_that_ask_for_threads_are_trained_in_turn_as_each_by_itself() -> None:
    small = {"training": {"batch_size": 2, "steps": 2}, "model": {"hidden_size": 2}}
    single, several = configure(1, **small), configure(2, **small)
    assert ensembles([single, several] * 3) == [[0, 2, 4], [1], [3], [5]]
    found: dict[int, list[tuple[bytes, ...]]] = {}
    for place, snapshot in train_many([several] * 3):
        found.setdefault(place, []).append(bits(snapshot))
    alone = [bits(snapshot) for snapshot in train(several)]
    assert found == {0: alone, 1: alone, 2: alone}


def test_a_training_that_is_left_leaves_no_threads() -> None:
    before = set(threading.enumerate())
    snapshots = train(configure())
    last = list(islice(snapshots, 3))[-1]
    mine = set(threading.enumerate()) - before
    assert len(mine) == 2
    del snapshots, last
    for thread in mine:
        thread.join(60)
        assert not thread.is_alive()


def test_a_process_that_ends_in_the_middle_of_a_training_ends() -> None:
    program = (
        "import engine, sys\n"
        f"config = engine.RunConfig.from_dict({configure().to_dict()!r})\n"
        "snapshots = engine.train(config)\n"
        "next(snapshots), next(snapshots)\n"
        "sys.exit(3)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False)
    assert ended.returncode == 3
