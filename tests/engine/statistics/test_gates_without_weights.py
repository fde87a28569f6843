"""Gates that read no state, or each unit its own alone, have the numbers of their own weights."""

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.observation import Observation
from engine.cells import make_cell, min_gru
from engine.cells.base import FROM_OUTSIDE, ArrayTuple, Cell, Diagonal, Product, Views
from engine.statistics import gain_factors, weight_geometry
from engine.tracing.parameters import sized_by

Observe = Callable[..., Observation]
EXACT = 1e-10
H = 4


def with_candidate_of_all_units() -> Cell:
    """minGRU with n = x_t W_xnᵀ + h_{t-1} W_hnᵀ + b_n; z still reads the input alone."""
    cell = make_cell("min_gru")
    (stage,) = cell.stages
    gate = Product(out=("z",), back=("z",), reads=FROM_OUTSIDE)
    candidate = Product(out=("n",), back=("n",))
    return replace(cell, stages=(replace(stage, products=(gate, candidate)),), gain=())


def with_gates_of_each_unit() -> Cell:
    """minGRU with z = σ(x_t W_xzᵀ + v ⊙ h_{t-1} + b_z) and n = x_t W_xnᵀ + u ⊙ h_{t-1} + b_n."""

    def step_views(now: Views, after: Views, scratch: Views) -> ArrayTuple:
        return now["v"], now["u"], now["n"], now["z"], now["h"], after["h"]

    def step(v: Array, u: Array, n: Array, z: Array, h_before: Array, h_after: Array) -> None:
        z += v * h_before / 2  # z is halved
        n += u * h_before
        min_gru.step(z, n, h_before, h_after)

    def linearize(now: Views, after: Views, slopes: Views) -> None:
        min_gru.linearize(now, after, slopes)
        slopes["h"][...] += slopes["n"] * now["u"] + slopes["z"] * now["v"]

    cell = make_cell("min_gru")
    (stage,) = cell.stages
    return replace(
        cell,
        stages=(replace(stage, step=step, step_views=step_views),),
        linearize=linearize,
        diagonals=MappingProxyType({"v": Diagonal("z", "h"), "u": Diagonal("n", "h")}),
    )


def test_a_gate_that_reads_no_state_has_no_geometry(
    observe: Observe, rng: np.random.Generator
) -> None:
    rotation = np.linalg.qr(rng.normal(size=(H, H)))[0]
    seen = observe(with_candidate_of_all_units(), weights={"weight_hh_l0": 0.8 * rotation})
    of_z, of_n = weight_geometry.compute(seen)[0]
    assert np.isnan(of_z).all()
    np.testing.assert_allclose(of_n[:3], [0.8, 0.8, 0.36 * np.sqrt(H)], atol=EXACT)


def test_what_multiplies_each_unit_alone_is_the_geometry_of_its_gate(observe: Observe) -> None:
    weights = {"v_l0": np.array([0.5, 0.1, -3.0, 1.0]), "u_l0": np.array([0.5, -2.0, 1.0, 0.25])}
    seen = observe(with_gates_of_each_unit(), layers=2, weights=weights)
    of_z, of_n = weight_geometry.compute(seen)[0]
    np.testing.assert_allclose(of_z[:2], [3, 3], atol=EXACT)
    np.testing.assert_allclose(of_n[:2], [2, 2], atol=EXACT)


def test_what_multiplies_each_unit_beside_all_others_is_added_to_their_weights(
    observe: Observe, rng: np.random.Generator
) -> None:
    cell = with_gates_of_each_unit()
    (stage,) = cell.stages
    gate = Product(out=("z",), back=("z",), reads=FROM_OUTSIDE)
    candidate = Product(out=("n",), back=("n",))
    cell = replace(cell, stages=(replace(stage, products=(gate, candidate)),), gain=())
    matrix, u = rng.normal(size=(H, H)), rng.normal(size=H)
    seen = observe(cell, weights={"weight_hh_l0": matrix, "u_l0": u})
    largest = weight_geometry.compute(seen)[0, 1, 1]
    np.testing.assert_allclose(largest, np.linalg.norm(matrix + np.diag(u), 2), rtol=EXACT)


def test_a_parameter_of_each_unit_is_not_taken_for_the_only_way_back(observe: Observe) -> None:
    """z lets the state through beside it: what goes that way is carried."""
    seen = observe(with_gates_of_each_unit())
    slope, weights, carry, recurrent, _ = gain_factors.compute(seen)[0].T
    assert (carry != 0).all()
    np.testing.assert_allclose([slope, weights, recurrent], 0, atol=EXACT)


def test_recurrent_weights_are_those_of_the_gates_that_read_a_state(observe: Observe) -> None:
    cell = with_candidate_of_all_units()
    shapes = observe(cell).network.parameter_shapes
    assert (shapes["weight_ih_l0"], shapes["weight_hh_l0"]) == ((2 * H, 2), (H, H))
    assert sized_by(cell) == ("weight_hh", 1)
    assert sized_by(with_gates_of_each_unit()) == ("weight_ih", 2)


@pytest.mark.parametrize("make", [with_candidate_of_all_units, with_gates_of_each_unit])
def test_their_gradients_are_those_of_differences(
    observe: Observe, rng: np.random.Generator, make: Callable[[], Cell]
) -> None:
    seen = observe(make())
    gradients, given = seen.parameter_gradients, seen.network.parameters()
    ways = {name: rng.normal(size=value.shape) for name, value in given.items()}
    ahead, behind = (
        loss_at(seen, {name: value + step * ways[name] for name, value in given.items()})
        for step in (1e-6, -1e-6)
    )
    expected = sum(float((gradients[name] * way).sum()) for name, way in ways.items())
    assert (ahead - behind) / 2e-6 == pytest.approx(expected, rel=1e-6)


def loss_at(seen: Observation, weights: dict[str, Array]) -> float:
    """Return L of the same batch with other weights."""
    seen.network.load(weights)
    return Observation(seen.network, seen.batch, "mean_squared_error").loss
