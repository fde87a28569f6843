"""Each kind of trouble holds where its definition says, and says what it rests on."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from engine import Course, Frame, RunConfig, Verdict, describe_task, diagnose, record
from engine.arrays import Array

T, STEPS = 40, 200


SOLVED, UNSOLVED = 0.001, 0.1  # adding counts as solved under 0.01


def config_of(**sections: Any) -> RunConfig:  # noqa: ANN401  (sections of a configuration)
    base: dict[str, Any] = {
        "task": {"kind": "adding", "length": T},
        "model": {"cell": "elman", "activation": "tanh", "layers": 2},
        "training": {"steps": STEPS},
    }
    return RunConfig.from_dict({**base, **sections})


def frame_of(**changed: Array) -> Frame:
    arrays: Mapping[str, Array] = {
        "last_loss_gradient": np.zeros((2, T)),
        "saturation": np.full((2, T), 0.1),
        "dead_units": np.full(2, np.nan),
        "gain_factors": np.zeros((2, T, 5)),
        **changed,
    }
    return Frame(step=STEPS, arrays=arrays, series={}, series_start=0)


def course_of(**changed: Array) -> Course:
    course = Course()
    series = {
        "loss": np.full(STEPS, UNSOLVED),
        "gradient_norm": np.zeros(STEPS),
        "clip_factor": np.ones(STEPS),
        **changed,
    }
    course.add(series)
    return course


def falling(rho: float) -> Array:
    row = np.log10(rho) * np.arange(T - 1, -1, -1.0)
    return np.stack([np.zeros(T), row])


def test_a_run_without_trouble_is_healthy() -> None:
    verdict = diagnose(frame_of(), config_of(), course=course_of())
    assert (verdict.kinds, verdict.findings, verdict.not_judged) == (("healthy",), (), ())


@pytest.mark.parametrize(
    ("kind", "frame", "course"),
    [
        ("vanishing", {"last_loss_gradient": falling(0.5)}, {}),
        ("exploding", {"last_loss_gradient": falling(1.5)}, {}),
        ("exploding", {}, {"gradient_norm": np.where(np.arange(STEPS) % 40 == 39, 3.0, 0.0)}),
        ("diverged", {}, {"loss": np.append(np.full(STEPS - 1, UNSOLVED), np.inf)}),
        ("saturated", {"saturation": np.stack([np.full(T, 0.6), np.full(T, 0.1)])}, {}),
        ("clipped_always", {}, {"clip_factor": np.full(STEPS, 0.5)}),
        ("not_learning", {}, {"loss": np.full(STEPS, 0.17)}),
    ],
)
def test_a_kind_is_found_by_what_defines_it(
    kind: str, frame: dict[str, Array], course: dict[str, Array]
) -> None:
    verdict = diagnose(frame_of(**frame), config_of(), course=course_of(**course))
    assert kind in verdict.kinds
    finding = next(finding for finding in verdict.findings if finding.kind == kind)
    assert finding.sentence
    assert finding.evidence


@pytest.mark.parametrize(
    ("frame", "course"),
    [
        ({"last_loss_gradient": falling(10 ** (-2.99 / (T - 1)))}, {}),
        ({"last_loss_gradient": falling(10 ** (2.99 / (T - 1)))}, {}),
        ({}, {"gradient_norm": np.where(np.arange(STEPS) == STEPS - 1, 3.0, 0.0)}),
        ({"saturation": np.full((2, T), 0.5)}, {}),
        ({}, {"clip_factor": np.where(np.arange(STEPS) % 8 == 0, 1.0, 0.5)}),
        ({}, {"loss": np.full(STEPS, 0.94 / 6)}),
    ],
)
def test_a_kind_is_not_found_on_the_other_side_of_its_threshold(
    frame: dict[str, Array], course: dict[str, Array]
) -> None:
    verdict = diagnose(frame_of(**frame), config_of(), course=course_of(**course))
    assert verdict.kinds == ("healthy",)


def test_half_of_a_relu_layer_off_is_no_saturation() -> None:
    relu = config_of(model={"cell": "elman", "activation": "relu", "layers": 2})
    frame = frame_of(saturation=np.full((2, T), 0.7), dead_units=np.array([0.2, 0.3]))
    assert diagnose(frame, relu, course=course_of()).kinds == ("healthy",)


def test_a_relu_layer_that_is_mostly_off_for_ever_is_dead() -> None:
    relu = config_of(model={"cell": "elman", "activation": "relu", "layers": 2})
    verdict = diagnose(frame_of(dead_units=np.array([0.2, 0.7])), relu, course=course_of())
    assert verdict.kinds == ("dead_units",)
    assert (verdict.findings[0].evidence[0].layer, verdict.findings[0].evidence[0].value) == (
        1,
        0.7,
    )


def heard_back_to(distance: int) -> Array:
    row = np.full((2, T), -5.0)
    row[:, T - 1 - distance :] = 0.0
    return row


@pytest.mark.parametrize(("beyond", "kinds"), [(0, ("healthy",)), (-1, ("vanishing",))])
def test_a_gradient_that_reaches_as_far_as_the_task_needs_does_not_vanish(
    beyond: int, kinds: tuple[str, ...]
) -> None:
    config = config_of(task={"kind": "copy", "length": T})
    needed = describe_task(config)["needed_lag"]
    assert isinstance(needed, int)
    frame = frame_of(last_loss_gradient=heard_back_to(needed + beyond))
    verdict = diagnose(frame, config, course=course_of())
    assert (verdict.word, verdict.kinds) == ("vanishing", kinds)


def test_symptoms_are_no_trouble_where_the_task_is_solved() -> None:
    clips, losses = np.full(STEPS, 0.5), np.full(STEPS, SOLVED)
    verdict = diagnose(frame_of(), config_of(), course=course_of(clip_factor=clips, loss=losses))
    assert verdict.kinds == ("healthy",)
    reasons = {found.kind: found.reason for found in verdict.not_judged}
    assert "100 % of the last half of the steps were clipped" in reasons["clipped_always"]


def test_without_the_course_the_kinds_that_go_by_it_are_not_judged() -> None:
    verdict = diagnose(frame_of(), config_of())
    assert {found.kind for found in verdict.not_judged} == {
        "diverged",
        "clipped_always",
        "not_learning",
    }


def test_while_training_goes_on_nobody_says_that_it_does_not_learn() -> None:
    longer = config_of(training={"steps": 2 * STEPS})
    verdict = diagnose(frame_of(), longer, course=course_of(loss=np.full(STEPS, 0.17)))
    assert verdict.kinds == ("healthy",)
    assert "not_learning" in {found.kind for found in verdict.not_judged}


def test_without_a_training_step_learning_is_not_judged() -> None:
    config = config_of(training={"steps": 0})
    frame = Frame(step=0, arrays=frame_of().arrays, series={}, series_start=0)
    reasons = {
        found.kind: found.reason for found in diagnose(frame, config, course=Course()).not_judged
    }
    assert reasons["not_learning"] == "no training step was made"


def test_the_cause_is_the_factor_that_shrinks_most() -> None:
    factors = np.zeros((2, T, 5))
    factors[-1, :, 0], factors[-1, :, 1] = np.log(0.3), np.log(0.9)
    frame = frame_of(last_loss_gradient=falling(0.27), gain_factors=factors)
    cause = diagnose(frame, config_of(), course=course_of()).cause
    assert cause is not None
    assert cause.factor == "slope"
    assert cause.per_step["slope"] == pytest.approx(0.3)
    assert "multiplies the gradient by 0.3" in cause.sentence


@pytest.mark.parametrize(("norm", "certain"), [(0.7, True), (0.9, False)])
def test_a_bound_under_one_makes_vanishing_certain(norm: float, certain: bool) -> None:
    factors = np.full((2, T, 5), np.log(0.5))
    frame = frame_of(
        last_loss_gradient=falling(0.5),
        gain_factors=factors,
        weight_geometry=np.full((2, 1, 4), norm),
    )
    cause = diagnose(frame, config_of(), course=course_of()).cause
    assert cause is not None
    assert cause.bound == (norm if certain else None)  # tanh has γ = 1
    assert (norm ** (T - 1) < 1e-3) == certain == ("certain" in cause.sentence)


def test_cause_of_a_shrinking_linear_network_is_its_weights() -> None:
    config = RunConfig.from_dict(
        {
            "task": {"kind": "adding", "length": 30},
            "model": {
                "cell": "elman",
                "activation": "identity",
                "hidden_size": 8,
                "initializer": {"kind": "orthogonal", "gain": 0.7},
            },
            "training": {"steps": 0, "precision": "float64"},
        }
    )
    cause = record(config).verdict.cause
    assert cause is not None
    assert cause.factor == "weights"
    assert cause.per_step["weights"] == pytest.approx(0.7, rel=1e-6)
    assert "the recurrent weights multiply the gradient by 0.7" in cause.sentence
    assert cause.bound == pytest.approx(0.7, rel=1e-6)


def test_a_verdict_with_findings_goes_through_json_and_back() -> None:
    factors = np.full((2, T, 5), -0.1)
    frame = frame_of(last_loss_gradient=falling(0.5), gain_factors=factors)
    verdict = diagnose(frame, config_of(), course=course_of())
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))) == verdict


def test_a_wall_right_before_the_last_answer_is_named_as_what_stops_the_gradient() -> None:
    config = config_of(training={"steps": STEPS, "truncation": T - 1})
    verdict = diagnose(frame_of(), config, course=course_of())
    assert (verdict.span, verdict.reach) == (1.0, 0)
    assert verdict.sentence.startswith(f"Truncation cuts the way back right before time step {T}")


def test_vanishing_within_a_window_is_said_of_where_the_window_ends() -> None:
    config = config_of(training={"steps": STEPS, "truncation": T // 2})
    verdict = diagnose(frame_of(last_loss_gradient=falling(0.5)), config, course=course_of())
    found = next(finding for finding in verdict.findings if finding.kind == "vanishing")
    assert found.sentence.startswith(f"Where truncation cuts, at t = {T // 2 + 1}, ")
    assert found.evidence[0].time == T // 2 + 1


def test_lower_layers_stand_in_the_evidence_behind_the_top_one() -> None:
    lower, top = falling(0.9)[1], falling(0.5)[1]
    frame = frame_of(last_loss_gradient=np.stack([lower, top]))
    found = diagnose(frame, config_of(), course=course_of()).findings[0]
    spans = [each for each in found.evidence if each.text.startswith("span")]
    assert [(each.layer, each.value) for each in spans] == [(1, top[0]), (0, lower[0])]
    assert spans[1].text.endswith("of layer 0")
