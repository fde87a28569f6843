"""Log norms at T = 1000 and T = 10,000, where plain floats have long been zero."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import engine
from tests.engine.against import trace
from tests.reference.problems import Problem, Recipe, make_problem
from tests.reference.renormalised import (
    log10_mean,
    longdouble_log10_norms,
    mpmath_log10_norms,
)

RELATIVE = 1e-6
"""SCIENCE.md and the issue: of the log10 norms of a float64 sweep."""

LENGTHS = (1000, 10_000)


@cache
def long_problem(activation: str, length: int) -> Problem:
    return make_problem(
        Recipe(
            activation=activation,
            asked="last",
            length=length,
            hidden=8,
            spread=2.0,
            reduction="sum",  # so that a gradient is that of its sample's own loss
        )
    )


@cache
def traced(activation: str, length: int) -> engine.Trace:
    return trace(long_problem(activation, length))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("length", LENGTHS)
def test_the_log_norms_are_those_of_a_renormalised_long_double(
    activation: str, length: int
) -> None:
    mine = traced(activation, length).hidden_gradient.log10_norm()[0]
    theirs = longdouble_log10_norms(long_problem(activation, length))
    np.testing.assert_allclose(mine, theirs, rtol=RELATIVE, atol=RELATIVE)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_sigmoid_network_loses_what_no_double_can_hold_and_nothing_underflows(
    length: int,
) -> None:
    mine = traced("sigmoid", length).hidden_gradient.log10_norm()
    assert np.isfinite(mine).all()
    assert mine[0, 0].max() < -0.4 * length  # a factor of 2.5 a step


def test_the_log_norms_are_those_of_fifty_digits() -> None:
    problem = long_problem("sigmoid", 1000)
    mine = traced("sigmoid", 1000).hidden_gradient.log10_norm()[0, :, 0]
    np.testing.assert_allclose(mine, mpmath_log10_norms(problem, 0), rtol=RELATIVE, atol=RELATIVE)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_linear_network_with_an_orthogonal_matrix_keeps_the_norm(
    length: int, rng: np.random.Generator
) -> None:
    orthogonal = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    parameters = {
        "weight_ih_l0": rng.normal(size=(8, 2)),
        "weight_hh_l0": orthogonal,
        "bias_ih_l0": np.zeros(8),
        "readout.weight": rng.normal(size=(3, 8)),
        "readout.bias": np.zeros(3),
    }
    mask = np.zeros((length, 3), bool)
    mask[-1] = True
    mine = engine.trace(
        "elman",
        parameters,
        rng.normal(size=(length, 3, 2)),
        targets=rng.normal(size=(length, 3, 3)),
        mask=mask,
        loss="mean_squared_error",
        options={"activation": "identity"},
    ).hidden_gradient.log10_norm()[0]
    # Rounding of the matrix: ‖Q‖ = 1 within 1e-15, T times.
    assert np.abs(mine - mine[-1]).max() < 1e-15 * length


@cache
def asked_everywhere() -> Problem:
    return make_problem(
        Recipe(activation="sigmoid", length=250, hidden=8, spread=0.1, reduction="sum")
    )


@pytest.mark.parametrize("loss_time", [250, 249, 200, 17, 1])
def test_each_row_of_the_matrix_is_that_of_a_renormalised_long_double(loss_time: int) -> None:
    problem = asked_everywhere()
    matrix = trace(problem).statistic("loss_state_gradient")[0]
    cut = replace(problem, inputs=problem.inputs[:loss_time], targets=problem.targets[:loss_time])
    theirs = log10_mean(longdouble_log10_norms(cut))
    mine = matrix[loss_time - 1, :loss_time]
    np.testing.assert_allclose(mine, theirs, rtol=RELATIVE, atol=RELATIVE)


def test_that_matrix_reaches_below_the_smallest_double() -> None:
    assert trace(asked_everywhere()).statistic("loss_state_gradient")[0, -1, 0] < -330


@cache
def first_frame(length: int) -> tuple[Problem, engine.Frame]:
    """Return what a float64 training of a sigmoid network records before its first update."""
    config = engine.RunConfig.from_dict(
        {
            "name": "long",
            "seed": 5,
            "task": {"kind": "adding", "length": length},
            "model": {"cell": "elman", "activation": "sigmoid", "hidden_size": 8},
            "training": {"steps": 1, "batch_size": 3, "precision": "float64"},
            "recording": {
                "batch": "training",
                "every": 1,
                "statistics": ["hidden_gradient_norm", "immediate_gradient_norm"],
            },
        }
    )
    snapshot = next(engine.train(config))
    assert snapshot.batch is not None
    frame = engine.Recorder(config).look(snapshot)
    assert frame is not None
    problem = Problem(
        cell="elman",
        activation="sigmoid",
        layers=1,
        hidden=8,
        parameters=snapshot.parameters(),
        inputs=snapshot.batch.inputs.copy(),
        targets=snapshot.batch.targets.copy(),
        mask=snapshot.batch.mask.copy(),
        loss="mean_squared_error",
        initial={"h": np.zeros((1, 3, 8))},
    )
    return problem, frame


@pytest.mark.parametrize("statistic", ["hidden_gradient_norm", "last_loss_gradient"])
@pytest.mark.parametrize("length", LENGTHS)
def test_a_training_records_the_norms_of_a_renormalised_long_double(
    length: int, statistic: str
) -> None:
    problem, frame = first_frame(length)
    mine, theirs = frame.arrays[statistic][0], log10_mean(longdouble_log10_norms(problem))
    assert np.isfinite(mine).all()
    # Stored in float32: half its unit of 6e-8 relative comes on top.
    np.testing.assert_allclose(mine, theirs, rtol=RELATIVE, atol=RELATIVE)
