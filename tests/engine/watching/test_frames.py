"""What is made of a training step that a hook has taken, beside `engine.trace` and by parts."""

import dataclasses
from typing import Any

import numpy as np
import pytest

import engine
from engine.watching.frames import Look
from tests.engine.watching.takes import (
    HIDDEN,
    INPUTS,
    LAYERS,
    LENGTH,
    SIZE,
    STATES,
    config_for,
    take,
    weights_for,
)

EXACT = 1e-12
EVERYTHING = {"recording": {"every": 1, "statistics": list(engine.STATISTICS)}}
CELLS = pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])


def traced(cell: str, taken: engine.Taken, config: engine.CaptureConfig) -> engine.Trace:
    """Return the public trace of the same step, which knows nothing of captures."""
    finals, initial = taken.final_gradients, taken.initial
    return engine.trace(
        cell,
        taken.weights,
        taken.inputs,
        output_gradients=taken.output_gradients,
        final_state_gradients=tuple(finals[name] for name in STATES[cell]),
        initial_state=tuple(initial[name] for name in STATES[cell]),
        reduction=taken.reduction,
        options={"activation": config.model.activation} if cell == "elman" else None,
    )


@CELLS
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_step_of_one_length_has_the_statistics_of_its_trace(
    rng: np.random.Generator, cell: str, reduction: str
) -> None:
    config, taken = config_for(cell, **EVERYTHING), take(rng, cell, reduction=reduction)
    look, trace = Look(config, taken), traced(cell, taken, config)
    for name in ("hidden_gradient_norm", "hidden_gradient", "gate", "gain_factors", "saturation"):
        np.testing.assert_allclose(look.frame.arrays[name], trace.statistic(name), atol=EXACT)
    for name, gradient in trace.parameter_gradients.items():
        np.testing.assert_allclose(look.parameter_gradients[name], gradient, atol=EXACT)
    assert look.frame.arrays["gradient_norm"] == pytest.approx(trace.statistic("gradient_norm"))


@CELLS
def test_a_batch_of_several_lengths_is_the_mean_of_its_sequences(
    rng: np.random.Generator, cell: str
) -> None:
    config, lengths = config_for(cell, **EVERYTHING), np.array([7, 3, 5, 3])
    whole = take(rng, cell, lengths=lengths, reduction="sum")
    frame = engine.frame_of(config, whole)
    norms = np.zeros((SIZE, LAYERS, LENGTH))
    activity = np.full((SIZE, LAYERS, LENGTH, HIDDEN), np.nan)
    counts = np.zeros((SIZE, LAYERS, LENGTH, 40))
    for sample, length in enumerate(lengths):
        shorter = config_for(cell, task={"length": int(length)}, **EVERYTHING)
        one = dataclasses.replace(whole, **only(whole, sample, int(length)))
        alone = engine.frame_of(shorter, one)
        norms[sample, :, :length] = 10.0 ** alone.arrays["hidden_gradient_norm"]
        activity[sample, :, :length] = alone.arrays["activation"]
        counts[sample, :, :length] = alone.arrays["activation_slope_histogram"]
    found = 10.0 ** frame.arrays["hidden_gradient_norm"]
    np.testing.assert_allclose(found, norms.mean(0), atol=EXACT)
    np.testing.assert_allclose(frame.arrays["activation"], np.nanmean(activity, 0), atol=EXACT)
    np.testing.assert_array_equal(frame.arrays["activation_slope_histogram"], counts.sum(0))


def test_a_unit_of_a_batch_of_several_lengths_is_dead_where_it_is_in_every_sequence(
    rng: np.random.Generator,
) -> None:
    relu: dict[str, Any] = {**EVERYTHING, "model": {"activation": "relu"}}
    lengths = np.array([7, 3, 5, 3])
    whole = take(rng, "elman", lengths=lengths)
    whole.weights["bias_ih_l0"][:2] = -100
    off = np.ones((LAYERS, HIDDEN), np.bool_)
    for sample, length in enumerate(lengths):
        shorter = config_for("elman", task={"length": int(length)}, **relu)
        one = dataclasses.replace(whole, **only(whole, sample, int(length)))
        off &= (engine.frame_of(shorter, one).arrays["activation_slope"] == 0).all(axis=1)
    assert off[0, :2].all()
    assert not off.all()
    config = config_for("elman", **relu)
    found = engine.frame_of(config, whole).arrays["dead_units"]
    np.testing.assert_allclose(found, off.mean(axis=1), rtol=EXACT)
    whole.initial["h"][1, 2] = np.nan
    assert np.isnan(engine.frame_of(config, whole).arrays["dead_units"]).tolist() == [False, True]


def only(taken: engine.Taken, sample: int, length: int) -> dict[str, Any]:
    """Return the fields of a step that has one of its sequences alone."""
    one = slice(sample, sample + 1)
    assert taken.output_gradients is not None
    return {
        "inputs": taken.inputs[:length, one],
        "lengths": None,
        "initial": {name: value[:, one] for name, value in taken.initial.items()},
        "output_gradients": taken.output_gradients[:length, one],
        "final_gradients": {name: value[:, one] for name, value in taken.final_gradients.items()},
    }


def test_what_lies_beyond_a_sequence_changes_nothing(rng: np.random.Generator) -> None:
    config, lengths = config_for(), np.array([7, 3, 5, 3])
    taken = take(rng, lengths=lengths)
    beyond = np.arange(LENGTH)[:, None] >= lengths
    assert taken.output_gradients is not None
    spoiled = dataclasses.replace(
        taken,
        inputs=np.where(beyond[..., None], np.nan, taken.inputs),
        output_gradients=np.where(beyond[..., None], np.nan, taken.output_gradients),
    )
    mine, theirs = engine.frame_of(config, taken), engine.frame_of(config, spoiled)
    for name, values in mine.arrays.items():
        np.testing.assert_array_equal(theirs.arrays[name], values)


def test_a_sequence_shorter_than_the_run_has_no_gradient_after_its_end(
    rng: np.random.Generator,
) -> None:
    taken = take(rng)
    assert taken.output_gradients is not None
    shorter = dataclasses.replace(
        taken, inputs=taken.inputs[:5], output_gradients=taken.output_gradients[:5]
    )
    frame = engine.frame_of(config_for(), shorter)
    norms = frame.arrays["hidden_gradient_norm"]
    assert np.isneginf(norms[:, 5:]).all()
    assert np.isfinite(norms[:, :5]).all()
    assert np.isnan(frame.arrays["activation"][:, 5:]).all()


def test_each_sequences_own_last_step_stands_at_the_end_of_the_last_losss_row(
    rng: np.random.Generator,
) -> None:
    lengths = np.array([7, 3, 5, 3])
    taken = take(rng, "elman", lengths=lengths, final_gradients={}, reduction="sum")
    row = 10.0 ** engine.frame_of(config_for("elman"), taken).arrays["last_loss_gradient"][-1]
    assert taken.output_gradients is not None
    ends = taken.output_gradients[lengths - 1, np.arange(SIZE)]
    assert row[-1] == pytest.approx(np.linalg.norm(ends, axis=1).mean())
    alone = only(taken, 0, 7)
    first = np.zeros_like(alone["output_gradients"])
    first[-1] = alone["output_gradients"][-1]
    alone["output_gradients"] = first
    longest = engine.frame_of(config_for("elman"), dataclasses.replace(taken, **alone))
    expected = 10.0 ** longest.arrays["hidden_gradient_norm"][-1]
    np.testing.assert_allclose(row[:2], expected[:2], rtol=1e-9)  # the only one so long


def test_a_verdict_goes_by_the_distance_from_each_sequences_end(rng: np.random.Generator) -> None:
    config = config_for()
    frame = engine.frame_of(config, take(rng, lengths=np.array([5, 3, 5, 3])))
    verdict = engine.diagnose(frame, config)
    assert verdict.span is not None
    assert verdict.needed_lag is None
    kinds = {each.kind for each in verdict.not_judged}
    assert "not_learning" in kinds


def test_a_mean_over_more_sequences_than_were_taken_counts_them_all(
    rng: np.random.Generator,
) -> None:
    config, taken = config_for(), take(rng)
    some = engine.frame_of(config, taken).arrays["hidden_gradient_norm"]
    of_more = engine.frame_of(config, dataclasses.replace(taken, batch_size=10 * SIZE))
    np.testing.assert_allclose(of_more.arrays["hidden_gradient_norm"] - some, 1.0, atol=EXACT)


def test_a_gradient_that_is_no_number_is_recorded_as_such(rng: np.random.Generator) -> None:
    taken = take(rng)
    assert taken.output_gradients is not None
    taken.output_gradients[-1] = np.nan
    frame = engine.frame_of(config_for(), taken)
    assert np.isnan(frame.arrays["hidden_gradient_norm"]).all()


def test_losses_are_the_series_that_ends_with_the_frame(rng: np.random.Generator) -> None:
    frame = engine.frame_of(config_for(), take(rng, losses=np.array([0.5, 0.25])))
    assert frame.series_start == 2
    np.testing.assert_array_equal(frame.series["loss"], [0.5, 0.25])


def spoilt(rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    weights = weights_for(rng)
    low = {name: np.zeros((3, *value.shape[1:])) for name, value in weights.items()}
    high = {name: np.zeros((4 * HIDDEN + 4, *v.shape[1:])) for name, v in weights.items()}
    without = {name: value for name, value in weights.items() if name != "weight_hh_l1"}
    return {
        "inputs": {"inputs": np.zeros((LENGTH, SIZE, INPUTS + 1))},
        "1 to 7": {"inputs": np.zeros((LENGTH + 1, SIZE, INPUTS))},
        "gradients.output": {"output_gradients": np.zeros((LENGTH, SIZE, HIDDEN + 1))},
        "gradients.c_n": {"final_gradients": {"c": np.zeros((LAYERS, SIZE + 1, HIDDEN))}},
        "gradients.x_n": {"final_gradients": {"x": np.zeros((LAYERS, SIZE, HIDDEN))}},
        "initial.h": {"initial": {"h": np.zeros((1, SIZE, HIDDEN))}},
        "gradients: expected": {"output_gradients": None, "final_gradients": {}},
        "lengths: expected 1": {"lengths": np.array([1, 2, 3, LENGTH + 1])},
        "lengths: expected whole": {"lengths": np.array([1.5, 2, 3, 4])},
        "lengths": {"lengths": np.array([1, 2])},
        "batch_size": {"batch_size": SIZE - 1},
        "losses": {"losses": np.zeros(9)},
        "weight_hh_l0: expected 4·H rows": {"weights": low},
        "weights: expected hidden": {"weights": high},
        "weights: expected layers": {"weights": without},
        "unknown parameter": {"weights": {**weights, "weight_hr_l0": np.zeros((2, 5))}},
        "read-out": {"weights": {**weights, "readout.weight": np.zeros((2, 5))}},
    }


@pytest.mark.parametrize("said", list(spoilt(np.random.default_rng(0))))
def test_what_does_not_fit_is_refused_by_name(rng: np.random.Generator, said: str) -> None:
    with pytest.raises(engine.EngineError, match=said):
        engine.frame_of(config_for(), take(rng, **spoilt(rng)[said]))


@pytest.mark.parametrize(
    ("pointer", "changes"),
    [
        ("/model/cell", {"model": {"cell": "mgu"}}),
        ("/model/activation", {"model": {"cell": "elman", "activation": "sigmoid"}}),
        ("/model/options", {"model": {"cell": "gru", "options": {"reset": "before"}}}),
        ("/model/layer_skips", {"model": {"layer_skips": True}}),
        ("/training/truncation", {"training": {"truncation": 3}}),
        ("/task/inputs", {"task": {"inputs": 0}}),
        ("/task/kind", {"task": {"kind": "adding"}}),
    ],
)
def test_a_network_that_pytorch_has_not_cannot_be_captured(
    pointer: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(engine.ConfigError) as refused:
        config_for(**changes)
    assert pointer in [problem.pointer for problem in refused.value.problems]


def test_a_captured_run_cannot_be_trained_here() -> None:
    with pytest.raises(engine.ConfigError, match="captured"):
        engine.RunConfig.from_dict(config_for().to_dict())
    assert engine.config_of(config_for().to_dict()) == config_for()
    with pytest.raises(engine.ConfigError, match="elsewhere"):
        next(iter(engine.train(config_for())))
