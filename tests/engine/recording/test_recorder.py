"""Recorders make the frames that are due, exactly, and leave the training alone."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

import engine
from engine import Frame, Recorder, RunConfig, layouts, record, train
from engine.bptt.observation import Observation
from engine.learning.snapshot import Snapshot
from engine.recording.series import FOLDED_AT_ONCE
from engine.statistics import STATISTICS

Configure = Callable[..., RunConfig]
EVERYTHING = list(STATISTICS)
CLASSES = {"kind": "temporal_order", "length": 12}
DIVERGING = {"optimizer": {"kind": "sgd", "learning_rate": 1e6}, "clipping": None, "steps": 200}
# A linear network's states double until float32 overflows within a few updates of that size.
LINEAR = {"activation": "identity"}


def frames_of(config: RunConfig) -> list[Frame]:
    recorder = Recorder(config)
    seen = (recorder.look(snapshot) for snapshot in train(config))
    return [frame for frame in seen if frame is not None]


def snapshots_with(config: RunConfig) -> Iterator[tuple[Snapshot, Frame | None]]:
    recorder = Recorder(config)
    for snapshot in train(config):
        yield snapshot, recorder.look(snapshot)


@pytest.mark.parametrize(
    ("steps", "every", "expected"),
    [(7, 3, [0, 3, 6, 7]), (6, 3, [0, 3, 6]), (0, 3, [0]), (2, 50, [0, 2])],
)
def test_frames_stand_at_zero_every_multiple_and_the_end(
    configure: Configure, steps: int, every: int, expected: list[int]
) -> None:
    config = configure(training={"steps": steps}, recording={"every": every})
    assert [frame.step for frame in frames_of(config)] == expected


@pytest.mark.parametrize("batch", ["probe", "training"])
@pytest.mark.parametrize("steps", [0, 1, 7])
def test_series_have_every_training_step_once(configure: Configure, steps: int, batch: str) -> None:
    result = record(configure(training={"steps": steps}, recording={"batch": batch}))
    for name in ("loss", "accuracy", "gradient_norm", "clip_factor", "learning_rate"):
        assert result.statistic(name).coords["step"] == tuple(range(steps))
        assert result.statistic(name).values.shape == (steps,)
    assert result.statistic("parameter_gradient_norm").values.shape == (steps, 5)


def test_series_of_a_frame_end_with_its_own_step(configure: Configure) -> None:
    frames = frames_of(configure())
    rows = [(frame.series_start, len(frame.series["loss"])) for frame in frames]
    assert rows == [(0, 1), (1, 3), (4, 3), (7, 0)]


def test_series_are_the_training_s_own_numbers(configure: Configure) -> None:
    config = configure(training={"clipping": None})
    result = record(config)
    seen = [(s.loss, s.gradient_norm, s.learning_rate) for s in train(config) if not s.is_last]
    losses, norms, rates = zip(*seen, strict=True)
    assert result.statistic("loss").values.tolist() == list(losses)
    assert result.statistic("gradient_norm").values.tolist() == np.log10(norms).tolist()
    assert result.statistic("learning_rate").values.tolist() == list(rates) == [0.01] * 7
    assert (result.statistic("clip_factor").values == 1).all()


def test_series_between_frames_far_apart_are_whole(configure: Configure) -> None:
    steps = 2 * FOLDED_AT_ONCE + 3
    config = configure(training={"steps": steps}, recording={"every": steps})
    result = record(config)
    seen = [snapshot for snapshot in train(config) if not snapshot.is_last]
    assert result.statistic("loss").values.tolist() == [snapshot.loss for snapshot in seen]
    norms = [[*snapshot.parameter_gradient_norms.values()] for snapshot in seen]
    assert result.statistic("parameter_gradient_norm").values.tolist() == np.log10(norms).tolist()
    assert np.isnan(result.statistic("accuracy").values).all()


def test_parameter_norms_make_up_the_gradient_norm(configure: Configure) -> None:
    result = record(configure(training={"precision": "float64"}))
    parts = 10 ** result.statistic("parameter_gradient_norm").values
    whole = 10 ** result.statistic("gradient_norm").values
    np.testing.assert_allclose(np.sqrt((parts**2).sum(axis=1)), whole, rtol=1e-12)


def test_accuracy_of_a_regression_is_not_defined(configure: Configure) -> None:
    result = record(configure())
    assert np.isnan(result.statistic("accuracy").values).all()
    assert np.isnan(result.statistic("validation_accuracy").values).all()


def test_accuracy_of_a_classification_is_a_share(configure: Configure) -> None:
    result = record(configure(task=CLASSES))
    for name in ("accuracy", "validation_accuracy"):
        values = result.statistic(name).values
        assert ((values >= 0) & (values <= 1)).all()


def test_validation_loss_is_the_held_out_set_s(configure: Configure) -> None:
    config = configure(training={"precision": "float64", "steps": 0})
    snapshot = next(iter(train(config)))
    batch = snapshot.task.validation()
    whole = Observation(snapshot.network, batch, snapshot.task.loss)
    recorded = record(config).statistic("validation_loss").values
    # The held-out set is swept in parts, whose sum rounds otherwise, and kept as float32.
    assert recorded.tolist() == [pytest.approx(whole.loss, rel=1e-6)]


def test_a_gradient_of_zero_is_recorded_as_minus_infinity(configure: Configure) -> None:
    snapshot = next(iter(train(configure())))
    norms = dict.fromkeys(snapshot.parameter_gradient_norms, 0.0)
    frame = Recorder(configure()).look(
        replace(snapshot, gradient_norm=0.0, parameter_gradient_norms=norms)
    )
    assert frame is not None
    assert np.isneginf(frame.series["gradient_norm"]).all()
    assert np.isneginf(frame.series["parameter_gradient_norm"]).all()


@pytest.mark.parametrize("batch", ["probe", "training"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", ["elman", "preactivation", "lstm", "gru"])
def test_frames_are_laid_out_as_announced(
    configure: Configure, cell: str, layers: int, batch: str
) -> None:
    config = configure(
        model={"cell": cell, "layers": layers},
        training={"steps": 2},
        recording={"statistics": EVERYTHING, "batch": batch, "every": 1},
    )
    announced = layouts(config)
    frames = frames_of(config)
    assert set(announced) == set(EVERYTHING)
    for frame in frames:
        assert {n: a.shape for n, a in frame.arrays.items()} == {
            n: layout.shape for n, layout in announced.items() if not layout.per_step
        }
        assert {a.dtype for a in frame.arrays.values()} == {np.dtype("float32")}
        assert {n: a.shape[1:] for n, a in frame.series.items()} == {
            n: layout.shape for n, layout in announced.items() if layout.per_step
        }
        assert {a.dtype for a in frame.series.values()} == {np.dtype("float64")}


@pytest.mark.parametrize(
    ("batch", "listed", "recorded"),
    [
        ("probe", [], True),
        ("probe", ["validation_loss"], True),
        ("training", [], False),
        ("training", ["validation_loss"], True),
    ],
)
def test_frames_of_the_training_batch_sweep_the_held_out_set_only_where_it_is_listed(
    configure: Configure, batch: str, listed: list[str], recorded: bool
) -> None:
    result = record(configure(recording={"batch": batch, "statistics": listed}))
    assert ("validation_loss" in result.layouts) == recorded
    assert ("validation_loss" in result.frames[0].arrays) == recorded


def test_what_a_verdict_reads_is_recorded_without_being_listed(configure: Configure) -> None:
    announced = layouts(configure(recording={"statistics": []}))
    assert {"last_loss_gradient", "saturation", "loss", "validation_loss"} <= set(announced)
    assert "hidden_gradient" not in announced


@pytest.mark.parametrize("batch", ["probe", "training"])
@pytest.mark.parametrize("cell", ["elman", "preactivation", "lstm", "gru"])
def test_recording_changes_no_bit_of_the_training(
    configure: Configure, cell: str, batch: str
) -> None:
    config = configure(
        model={"cell": cell, "layers": 2},
        recording={"statistics": EVERYTHING, "batch": batch, "every": 1},
    )
    for alone, (watched, _) in zip(train(config), snapshots_with(config), strict=True):
        assert alone.loss == watched.loss
        np.testing.assert_array_equal(alone.network.flat, watched.network.flat)
        np.testing.assert_array_equal(alone.network.gradient, watched.network.gradient)


def test_the_same_configuration_records_the_same_bits(configure: Configure) -> None:
    config = configure(recording={"statistics": EVERYTHING})
    first, second = record(config), record(config)
    for name in first.layouts:
        np.testing.assert_array_equal(first.statistic(name).values, second.statistic(name).values)


def test_training_frames_hold_the_norms_of_the_training_batch(configure: Configure) -> None:
    config = configure(recording={"batch": "training", "every": 1})
    for snapshot, frame in snapshots_with(config):
        assert frame is not None
        assert snapshot.batch is not None
        again = Observation(snapshot.network, snapshot.batch, snapshot.task.loss)
        mean = np.log10((10.0**again.log10_hidden_norms).mean(axis=2))
        np.testing.assert_allclose(frame.arrays["hidden_gradient_norm"], mean, atol=1e-5)


def test_probe_frames_of_equal_weights_are_equal(configure: Configure) -> None:
    config = configure(recording={"every": 1}, training={"steps": 0})
    longer = configure(recording={"every": 1}, training={"steps": 3})
    first, also_first = frames_of(config)[0], frames_of(longer)[0]
    for name, values in first.arrays.items():
        np.testing.assert_array_equal(values, also_first.arrays[name])


def test_probe_frames_are_what_a_fresh_look_at_the_probe_finds(configure: Configure) -> None:
    config = configure(recording={"every": 1, "statistics": EVERYTHING})
    for snapshot, frame in snapshots_with(config):
        assert frame is not None
        fresh = Observation(snapshot.network, snapshot.probe, snapshot.task.loss)
        for name, values in frame.arrays.items():
            compute = STATISTICS[name].compute
            if compute is not None:
                np.testing.assert_array_equal(values, compute(fresh).astype(np.float32))


def test_frames_outlive_the_snapshot_they_were_made_of(configure: Configure) -> None:
    config = configure(recording={"every": 1, "batch": "training"})
    kept = [
        (frame, {name: values.copy() for name, values in frame.arrays.items()})
        for _, frame in snapshots_with(config)
        if frame is not None
    ]
    for frame, copies in kept:
        for name, values in copies.items():
            np.testing.assert_array_equal(frame.arrays[name], values)


def test_frames_are_read_only(configure: Configure) -> None:
    frame = frames_of(configure())[1]
    with pytest.raises(ValueError, match="read-only"):
        frame.arrays["saturation"][...] = 0
    with pytest.raises(ValueError, match="read-only"):
        frame.series["loss"][...] = 0


@pytest.mark.parametrize("batch", ["probe", "training"])
@pytest.mark.parametrize("cell", ["elman", "preactivation", "lstm", "gru"])
def test_a_diverging_run_ends_with_the_frame_of_the_step_at_which_it_diverged(
    configure: Configure, cell: str, batch: str
) -> None:
    model = {"cell": cell, **(LINEAR if cell in ("elman", "preactivation") else {})}
    result = record(
        configure(
            model=model,
            training=DIVERGING | {"reduction": "sum"},
            recording={"batch": batch, "every": 50, "statistics": EVERYTHING},
        )
    )
    losses = result.statistic("loss")
    assert result.diverged
    assert losses.coords["step"][-1] == result.frames[-1].step
    assert not np.isfinite(losses.values[-1])
    assert np.isfinite(losses.values[:-1]).all()


def test_the_verdict_on_a_diverged_run_keeps_the_last_finite_figures(
    configure: Configure,
) -> None:
    result = record(configure(model=LINEAR, training=DIVERGING))
    first = engine.diagnose(result.frames[0], result.config)
    assert result.verdict.word == "not finite"
    assert (result.verdict.span, result.verdict.step) == (first.span, 0)
    assert str(result.frames[-1].step) in result.verdict.sentence


def test_a_resumed_training_goes_on_with_the_same_frames(configure: Configure) -> None:
    config = configure()
    whole = frames_of(config)
    states = {snapshot.step: snapshot.state() for snapshot in train(config) if snapshot.step == 3}
    recorder = Recorder(config)
    seen = (recorder.look(snapshot) for snapshot in train(config, resume=states[3]))
    resumed = [frame for frame in seen if frame is not None]
    assert [frame.step for frame in resumed] == [3, 6, 7]
    assert resumed[0].series_start == 3
    for again, before in zip(resumed, whole[1:], strict=True):
        for name, values in before.arrays.items():
            np.testing.assert_array_equal(again.arrays[name], values)
        np.testing.assert_array_equal(
            again.series["loss"], before.series["loss"][-len(again.series["loss"]) :]
        )


def test_update_ratio_of_plain_sgd_is_rate_times_gradient_over_weight(configure: Configure) -> None:
    config = configure(
        training={
            "precision": "float64",
            "optimizer": {"kind": "sgd", "learning_rate": 0.01},
            "clipping": {"kind": "norm", "threshold": 0.1},
        },
        recording={"statistics": ["update_ratio"]},
    )
    names = layouts(config)["update_ratio"].coords["parameter"]
    seen = []
    for snapshot, frame in snapshots_with(config):
        if frame is None or snapshot.is_last:
            continue
        norms = {name: np.linalg.norm(w) for name, w in snapshot.parameters().items()}
        factor = 0.01 * (snapshot.clip_factor or np.nan)
        gradient = snapshot.parameter_gradient_norms
        expected = [np.log10(factor * gradient[str(n)] / norms[str(n)]) for n in names]
        seen.append(snapshot.step)
        np.testing.assert_allclose(frame.arrays["update_ratio"], expected, rtol=1e-6)
    assert seen == [0, 3, 6]


@pytest.mark.parametrize("kind", ["sgd", "rmsprop", "adagrad", "adam", "adamw"])
def test_looking_at_the_next_update_changes_nothing(configure: Configure, kind: str) -> None:
    training = {"optimizer": {"kind": kind, "learning_rate": 0.01}}
    plain = record(configure(training=training, recording={"statistics": []}))
    looked = record(configure(training=training, recording={"statistics": ["update_ratio"]}))
    for name, weights in plain.parameters.items():
        np.testing.assert_array_equal(weights, looked.parameters[name])


def test_the_last_frame_has_no_update_ratio(configure: Configure) -> None:
    values = record(configure(recording={"statistics": ["update_ratio"]})).statistic("update_ratio")
    assert np.isnan(values.values[-1]).all()
    assert np.isfinite(values.values[:-1]).all()


def test_the_baseline_of_the_adding_problem_is_a_sixth(configure: Configure) -> None:
    mean = record(configure()).statistic("baseline").values
    assert mean.tolist() == [pytest.approx(1 / 6)] * 7
    summed = record(configure(training={"reduction": "sum"})).statistic("baseline").values
    assert summed.tolist() == [pytest.approx(4 / 6)] * 7  # a batch of four, asked once each
