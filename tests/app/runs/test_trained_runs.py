"""One attempt at a run, in this process: what it records, how it ends, how it goes on."""

import errno
import json
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load
from sqlalchemy.exc import OperationalError

import engine
from app.runs.control import Control
from app.runs.controls import controlled
from app.runs.progress import PROGRESS_SECONDS, Pace
from app.runs.saving import Saver
from app.runs.service import described
from app.runs.training import train_run
from app.store import Run, Store, open_store
from app.store.claims import Claim, Progress, Recorded
from app.trainer.states import pack_state, unpack_state
from tests.app.runs.small_runs import (
    PATIENCE,
    configuration,
    require_same_bits,
    settings_for,
    train_here,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(settings_for(tmp_path))
    yield opened
    opened.close()


def attempt(
    store: Store,
    run: Run,
    *,
    checkpoint_seconds: float = 1e-9,
    listener: Callable[[Progress], None] | None = None,
    stop_at: Callable[[Control], None] | None = None,
) -> str:
    claim = store.attempts.claim(run.id, f"attempt {time.monotonic()}")
    assert claim is not None
    with controlled(store, claim) as control:
        if stop_at is not None:
            stop_at(control)
        return train_run(
            store, claim, control, checkpoint_seconds=checkpoint_seconds, listener=listener
        )


def queued(store: Store, config: dict[str, Any]) -> Run:
    return store.runs.create(*described(config))[0]


@pytest.mark.parametrize(
    "config",
    [
        configuration(),
        configuration(steps=0),
        configuration(steps=25, every=10),
        configuration(recording={"every": 7, "batch": "training"}),
        configuration(model={"cell": "lstm", "hidden_size": 4, "layers": 2}),
    ],
    ids=["plain", "no step", "last step between", "of the training batch", "two layers"],
)
def test_what_is_stored_are_the_engines_own_bits(tmp_path: Path, config: dict[str, Any]) -> None:
    store, run_id = train_here(settings_for(tmp_path), config)
    run = store.runs.get(run_id)
    assert (run.status, run.step) == ("succeeded", config["training"]["steps"])
    require_same_bits(store, run_id, config)
    store.close()


def test_a_run_ends_with_its_verdict_loss_and_events(store: Store) -> None:
    run = queued(store, configuration())
    assert attempt(store, run) == "succeeded"
    done = store.runs.get(run.id)
    losses = store.arrays.read(run.id, "loss").values
    assert done.final_loss == pytest.approx(losses.mean(), rel=1e-12)
    assert done.verdict is not None
    assert done.verdict["word"] in ("vanishing", "fading", "healthy")
    assert done.sparkline is not None
    assert len(done.sparkline) == 12
    assert done.finished_at is not None
    kinds = [event.kind for event in store.events.after(0, [run.id])]
    assert kinds[-3:] == ["verdict", "status", "end"]
    assert kinds.count("frame") == 5


def test_every_frame_can_be_read_when_its_event_is_out(store: Store) -> None:
    run = queued(store, configuration())
    seen: list[int] = []
    original = store.attempts.record

    def record_and_read(claim: Claim, frames: Recorded, progress: Progress | None = None) -> None:
        original(claim, frames, progress)
        events = [each for each in store.events.after(0, [run.id]) if each.kind == "frame"]
        for event in events[len(seen) :]:
            found = store.arrays.read(run.id, "hidden_gradient_norm", {"step": event.data["step"]})
            assert np.isfinite(found.values).all()
            seen.append(event.data["step"])

    store.attempts.record = record_and_read  # type: ignore[method-assign]
    assert attempt(store, run, checkpoint_seconds=100) == "succeeded"
    assert seen == [0, 10, 20, 30, 40]


def test_frames_between_two_reports_of_progress_are_one_transaction(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[tuple[int, ...]] = []
    original = store.attempts.record

    def record_and_note(claim: Claim, frames: Recorded, progress: Progress | None = None) -> None:
        original(claim, frames, progress)
        batches.append(tuple(frames.steps))

    monkeypatch.setattr(store.attempts, "record", record_and_note)
    monkeypatch.setattr("app.runs.training.Pace.at", only_at(20))
    run = queued(store, configuration())
    assert attempt(store, run, checkpoint_seconds=100) == "succeeded"
    assert batches == [(0, 10, 20), (30, 40)]
    require_same_bits(store, run.id, configuration())
    word = engine.record(engine.RunConfig.from_dict(configuration())).verdict.word
    verdict = store.runs.get(run.id).verdict
    assert verdict is not None
    assert (verdict["word"], verdict["step"]) == (word, 40)


def test_frames_that_wait_are_committed_before_they_are_much(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    sizes: list[int] = []
    original = store.attempts.record

    def record_and_note(claim: Claim, frames: Recorded, progress: Progress | None = None) -> None:
        original(claim, frames, progress)
        batches.append(sum(part.rows for part in frames.parts))
        sizes.append(sum(len(part.payload) for part in frames.parts))

    monkeypatch.setattr(store.attempts, "record", record_and_note)
    monkeypatch.setattr("app.runs.training.Pace.at", only_at(-1))
    assert attempt(store, queued(store, configuration()), checkpoint_seconds=100) == "succeeded"
    (everything,) = batches
    batches.clear()
    monkeypatch.setattr("app.runs.writer.LARGE_FRAME_BYTES", sizes[0] // 2)
    run = queued(store, configuration())
    assert attempt(store, run, checkpoint_seconds=100) == "succeeded"
    assert len(batches) > 1
    assert sum(batches) == everything
    require_same_bits(store, run.id, configuration())


def only_at(step: int) -> Callable[..., Progress | None]:
    def at(_pace: Pace, now: int, loss: Callable[[], float | None]) -> Progress | None:
        return None if now != step else Progress(step=now, steps=40, loss=loss(), eta_seconds=1.0)

    return at


def test_a_diverging_run_is_a_result_with_everything_recorded(store: Store) -> None:
    training_part = {"optimizer": {"kind": "sgd", "learning_rate": 1e3}, "clipping": None}
    config = configuration(
        steps=200, training=training_part, model={"cell": "elman", "activation": "relu"}
    )
    run = queued(store, config)
    assert attempt(store, run) == "diverged"
    done = store.runs.get(run.id)
    losses = store.arrays.read(run.id, "loss").values
    assert not math.isfinite(losses[-1])
    assert str(done.final_loss) == str(losses[-1])
    assert np.isfinite(losses[:-1]).all()
    assert done.error is None
    steps = store.arrays.frame_steps(run.id)
    assert steps[-1] == done.step == len(losses) - 1
    assert [each.step for each in store.checkpoints.list(run.id)] == [0, done.step]


def test_a_run_that_diverges_on_its_last_frame_has_that_step_recorded(store: Store) -> None:
    config = configuration(
        steps=1,
        model={"cell": "elman", "activation": "identity", "hidden_size": 6},
        training={"optimizer": {"kind": "sgd", "learning_rate": 1e6}, "clipping": None},
        task={"kind": "adding", "length": 60},
        recording={"every": 1, "batch": "training"},
    )
    run = queued(store, config)
    assert attempt(store, run) == "diverged"
    recorded = engine.record(engine.RunConfig.from_dict(config)).statistic("learning_rate").values
    assert recorded.tolist() == [1e6, 1e6]
    assert store.arrays.read(run.id, "learning_rate").values.tolist() == recorded.tolist()


def test_a_stopped_run_goes_on_to_the_same_bits(store: Store) -> None:
    config = configuration(steps=60, every=10)
    run = queued(store, config)
    attempts = 0
    while store.runs.get(run.id).status != "succeeded":
        stop_after = 9 + 13 * attempts
        status = _stopping_attempt(store, run, stop_after)
        attempts += 1
        assert status in ("interrupted", "succeeded")
        if status == "interrupted":
            store.queue.reap()
    assert attempts == 5
    require_same_bits(store, run.id, config)
    # The last state alone is kept: the run may be extended.
    kept = [path.name for path in (store.folder / "checkpoints" / run.id / "5").glob("resume-*")]
    assert kept == ["resume-60.safetensors"]


def test_a_run_that_goes_on_with_another_backend_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = queued(store, configuration(steps=60, every=10))
    monkeypatch.setenv("GRADTIDE_COMPILED", "0")
    assert _stopping_attempt(store, run, 20) == "interrupted"
    began = store.runs.get(run.id).versions
    assert began["backend"] == "plain"
    store.queue.reap()
    monkeypatch.setattr(engine, "backend", lambda: "another")
    assert _stopping_attempt(store, run, 40) == "interrupted"
    told = store.runs.get(run.id).versions
    assert told == {**began, "backend": "another", "resumed_elsewhere": [began]}
    store.queue.reap()
    assert _stopping_attempt(store, run, 100) == "succeeded"
    assert store.runs.get(run.id).versions == told


def test_the_loss_told_is_the_mean_of_the_last_100_steps_whole_or_resumed(store: Store) -> None:
    config = configuration(steps=130, every=10)
    whole, stopped = queued(store, config), queued(store, config)
    assert attempt(store, whole) == "succeeded"
    for stop_after in (67, 115):
        assert _stopping_attempt(store, stopped, stop_after) == "interrupted"
        store.queue.reap()
    told: list[float | None] = []
    assert (
        attempt(store, stopped, listener=lambda progress: told.append(progress.loss)) == "succeeded"
    )
    losses = store.arrays.read(whole.id, "loss").values
    final = store.runs.get(whole.id).final_loss
    assert final == pytest.approx(losses[30:].mean(), rel=1e-12)
    assert store.runs.get(stopped.id).final_loss == final == told[-1]
    assert told[0] == pytest.approx(losses[17:117].mean(), rel=1e-12)


def _stopping_attempt(store: Store, run: Run, stop_after: int) -> str:
    claim = store.attempts.claim(run.id, f"owner {stop_after}")
    assert claim is not None
    with controlled(store, claim) as control, pytest.MonkeyPatch.context() as patch:
        keep = Saver.keep

        def keep_and_stop(saver: Saver, snapshot: engine.Snapshot) -> None:
            keep(saver, snapshot)
            if snapshot.step == stop_after:
                control.stop("stop")

        patch.setattr(Saver, "keep", keep_and_stop)
        return train_run(store, claim, control, checkpoint_seconds=100)


def test_a_lost_attempt_is_taken_up_from_its_last_checkpoint(store: Store) -> None:
    config = configuration(steps=60, every=10)
    run = queued(store, config)
    claim = store.attempts.claim(run.id, "lost")
    assert claim is not None
    with controlled(store, claim) as control, pytest.MonkeyPatch.context() as patch:
        save = Saver.save

        def save_or_vanish(saver: Saver, snapshot: engine.Snapshot) -> None:
            if snapshot.step == 40:
                raise KeyboardInterrupt  # as a kill: nothing after it runs
            save(saver, snapshot)

        patch.setattr(Saver, "save", save_or_vanish)
        with pytest.raises(KeyboardInterrupt):
            train_run(store, claim, control, checkpoint_seconds=1e-9)
    assert store.queue.lose(run.id, "lost", "killed") is not None
    assert store.checkpoints.newest_resume(run.id)[0] == 39  # type: ignore[index]
    assert store.runs.get(run.id).recorded_rows == 5  # one more than the checkpoint knows of
    first: list[int] = []
    assert attempt(store, run, listener=lambda progress: first.append(progress.step)) == "succeeded"
    assert first[0] == 39
    require_same_bits(store, run.id, config)
    frames = [e.data["step"] for e in store.events.after(0, [run.id]) if e.kind == "frame"]
    assert frames == [0, 10, 20, 30, 40, 50, 60]


def test_a_large_frame_goes_to_the_arrays_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runs.writer.LARGE_FRAME_BYTES", 100)
    flushed: list[bool] = []
    record = store.attempts.record

    def record_and_note(claim: Claim, frames: Recorded, progress: Progress | None = None) -> None:
        record(claim, frames, progress)
        flushed.append(frames.flushed and not frames.parts)

    monkeypatch.setattr(store.attempts, "record", record_and_note)
    config = configuration()
    run = queued(store, config)
    assert attempt(store, run, checkpoint_seconds=100) == "succeeded"
    require_same_bits(store, run.id, config)
    assert flushed == [True] * 5


def test_a_large_frame_that_is_told_at_the_second_try_reads_as_it_was_recorded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runs.writer.LARGE_FRAME_BYTES", 100)
    record = store.attempts.record
    refused: list[int] = []

    def record_or_fail(claim: Claim, frames: Recorded, progress: Progress | None = None) -> None:
        if 20 in frames.steps and not refused:
            refused.append(20)
            raise OSError(errno.ENOSPC, "No space left")
        record(claim, frames, progress)

    monkeypatch.setattr(store.attempts, "record", record_or_fail)
    run = queued(store, configuration())
    assert attempt(store, run, checkpoint_seconds=100) == "failed"
    found = store.arrays.read(run.id, "hidden_gradient_norm")
    assert (refused, found.coords["step"]) == ([20], [0, 10, 20])
    assert np.isfinite(found.values).all()


def test_cancelling_keeps_what_is_recorded(store: Store) -> None:
    run = queued(store, configuration())
    assert attempt(store, run, stop_at=lambda control: control.stop("cancel")) == "cancelled"
    assert store.runs.get(run.id).status == "cancelled"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError("8 GiB"), "not enough memory: 8 GiB"),
        (OSError(errno.ENOSPC, "No space left"), "the disk is full"),
        (ZeroDivisionError("oh"), "ZeroDivisionError: oh"),
    ],
)
def test_an_error_ends_the_run_with_a_message_and_keeps_its_frames(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    keep = Saver.keep

    def keep_or_fail(saver: Saver, snapshot: engine.Snapshot) -> None:
        if snapshot.step == 25:
            raise error
        keep(saver, snapshot)

    monkeypatch.setattr(Saver, "keep", keep_or_fail)
    run = queued(store, configuration())
    assert attempt(store, run, checkpoint_seconds=100) == "failed"
    failed = store.runs.get(run.id)
    assert failed.status == "failed"
    told = (failed.error or "").splitlines()
    assert message in told[-1]
    # Where room ran out the place says nothing; of all else it is kept.
    assert (len(told) > 1) == isinstance(error, ZeroDivisionError)
    assert failed.step == 25
    assert len(store.arrays.read(run.id, "hidden_gradient_norm").values) == 3


def test_a_worker_that_cannot_renew_its_lease_stops_by_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(claims: Sequence[Claim]) -> None:
        raise OperationalError(
            f"renew {claims[0].run_id}", None, sqlite3.OperationalError("locked")
        )

    run = queued(store, configuration(steps=1_000_000))
    claim = store.attempts.claim(run.id, "frozen")
    assert claim is not None
    monkeypatch.setattr(store.attempts, "beat", refuse)
    with controlled(store, claim) as control:
        control._beaten -= store.attempts.lease  # as after a pause of the whole process
        assert train_run(store, claim, control, checkpoint_seconds=100) == "lost"
    assert store.runs.get(run.id).recorded_rows == 0


def test_a_short_lease_is_renewed_though_the_training_has_just_reported(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runs.controls.QUIET_SECONDS", math.inf)
    renewed = threading.Event()

    def beat(_: Sequence[Claim]) -> set[str]:
        renewed.set()
        return set()

    monkeypatch.setattr(store.attempts, "beat", beat)
    claim = store.attempts.claim(queued(store, configuration()).id, "one long step")
    assert claim is not None
    with controlled(store, claim) as control:
        control.heard(None, time.monotonic())
        assert renewed.wait(PATIENCE)


def test_progress_says_how_long_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("app.runs.progress.time.monotonic", lambda: clock[0])
    pace = Pace(100, PROGRESS_SECONDS)
    assert pace.at(0, lambda: None) == Progress(step=0, steps=100, loss=None, eta_seconds=None)
    clock[0] = 0.1
    assert pace.at(5, lambda: 1.0) is None  # at most twice a second
    clock[0] = 2.0
    found = pace.at(20, lambda: 0.5)
    assert found is not None
    assert found.eta_seconds == pytest.approx(8.0)


def test_a_state_comes_back_from_tensors_and_text() -> None:
    state = {
        "flat": np.arange(3.0),
        "step": 7,
        "generator": {"state": {"state": 2**100, "inc": 1}, "bit_generator": "PCG64"},
        "moments": {"m": np.zeros((2, 2), np.float32)},
    }
    tensors, text = pack_state(state)
    assert set(tensors) == {"/flat", "/moments/m"}
    back = unpack_state(tensors, text)
    assert back["generator"] == state["generator"]
    assert back["step"] == 7
    assert np.array_equal(back["flat"], np.arange(3.0))
    assert back["moments"]["m"].dtype == np.float32
    assert json.loads(text)


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
@pytest.mark.torch
def test_a_checkpoint_loads_strictly_into_pytorch_and_gives_its_outputs(
    tmp_path: Path, cell: str
) -> None:
    torch = pytest.importorskip("torch")
    model = {"cell": cell, "hidden_size": 5, "layers": 2}
    config = configuration(steps=3, model=model)
    store, run_id = train_here(settings_for(tmp_path), config)
    whole = load(store.checkpoints.read(run_id, 3))
    recurrent = load(store.checkpoints.read(run_id, 3, ["recurrent"]))
    kind = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
    twin = kind(2, 5, num_layers=2)
    twin.load_state_dict({k: torch.tensor(v) for k, v in recurrent.items()}, strict=True)
    hidden = twin(torch.tensor(whole["probe.inputs"]))[0].detach().numpy()
    observed = store.arrays.read(run_id, "activation", {"step": "last", "layer": 1})
    store.close()
    # float32 on both sides, a dozen steps apart in the order of their sums
    assert np.allclose(hidden.mean(axis=1), observed.values[0, 0], atol=1e-6)
    assert set(whole) - set(recurrent) == {
        "readout.weight",
        "readout.bias",
        "probe.inputs",
        "probe.targets",
        "probe.mask",
    }
