"""One path term taken apart: its factors by hand, their product, and norms beyond any number."""

from typing import Any

import numpy as np
import pytest

import engine
from engine.bptt.network import Network
from engine.cells import CELLS, make_cell
from tests.reference.problems import Array, relative_difference

ROUNDING = 1e-12
"""Products of a few small float64 matrices in two orders."""

T, B, D, H, K = 5, 3, 2, 3, 4


def traced(cell: str, rng: np.random.Generator, *, layers: int = 1, **options: Any) -> engine.Trace:  # noqa: ANN401  # of trace
    own = {"skip": {"skip": 2}}.get(cell, {})
    network = Network(
        make_cell(cell, None, own), inputs=D, hidden=H, layers=layers, outputs=K, dtype=np.float64
    )
    parameters = {
        name: 0.6 * rng.normal(size=shape) for name, shape in network.parameter_shapes.items()
    }
    inputs = rng.normal(size=(T, B, D))
    targets = rng.integers(0, K, (T, B))
    return engine.trace(cell, parameters, inputs, targets=targets, options=own, **options)


def product_of(chain: engine.Chain) -> Array:
    """Multiply the factors from the loss on."""
    first, *others = [factor.value for factor in chain.factors]
    assert first is not None
    found = first
    for other in others:
        assert other is not None
        found = np.tensordot(found, other, 1)
    return np.asarray(found[0])


@pytest.mark.parametrize("cell", CELLS)
def test_the_product_of_the_factors_over_the_samples_is_the_path_term(
    cell: str, rng: np.random.Generator
) -> None:
    trace = traced(cell, rng)
    compared = 0
    for name in [n for n in trace.parameter_gradients if not n.startswith("bias_hh")]:
        for t, k in [(5, 5)] if name.startswith("readout") else [(5, 5), (5, 2), (3, 1)]:
            wanted = trace.path_terms(name)[t - 1, k - 1]
            chains = [trace.chain(t, k, name, sample=b) for b in range(B)]
            if all(chain.is_product for chain in chains):
                found = np.mean([product_of(chain) for chain in chains], axis=0)
                assert relative_difference(found, wanted) <= ROUNDING, (name, t, k)
                compared += 1
    assert compared >= 5


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_the_term_and_what_arrives_are_those_of_the_statistics(
    cell: str, layers: int, rng: np.random.Generator
) -> None:
    trace = traced(cell, rng, layers=layers)
    names = list(trace.parameter_gradients)
    terms = trace.statistic("path_gradient")
    arriving = trace.statistic("loss_state_gradient")
    for name in names:
        k = 4 if name.startswith("readout") else 2
        chain = trace.chain(4, k, name)
        wanted = terms[names.index(name), 3, k - 1]
        assert chain.log10_norm == pytest.approx(wanted, abs=1e-9), name
        if chain.layer is not None:
            found = [log10_norm for _, log10_norm in chain.arriving]
            assert found == pytest.approx(
                arriving[int(chain.layer), 3, [3, 2, 1]].tolist(), abs=1e-9
            )


def test_every_factor_of_a_scalar_network_is_the_number_worked_out_by_hand() -> None:
    """h_t = tanh(w h_{t-1} + u x_t), y_3 = v h_3, L = (y_3 − 1)²; w = 0.5, u = 1, v = 2."""
    trace = engine.trace(
        "elman",
        {"weight_ih_l0": [[1.0]], "weight_hh_l0": [[0.5]], "readout.weight": [[2.0]]},
        [[[0.5]], [[0.0]], [[0.0]]],
        targets=[[[0.0]], [[0.0]], [[1.0]]],
        mask=[[0], [0], [1]],
        loss="mean_squared_error",
        options={"activation": "tanh"},
    )
    h1 = np.tanh(0.5)
    h2 = np.tanh(0.5 * h1)
    h3 = np.tanh(0.5 * h2)
    chain = trace.chain(3, 2, "weight_hh_l0")
    assert [(factor.name, factor.time) for factor in chain.factors] == [
        ("loss_by_prediction", 3),
        ("prediction_by_logits", 3),
        ("logits_by_state", 3),
        ("state_by_state", 3),
        ("state_by_parameter", 2),
    ]
    by_hand = [2 * (2 * h3 - 1), 1.0, 2.0, (1 - h3**2) * 0.5, (1 - h2**2) * h1]
    values = [factor.value for factor in chain.factors]
    assert [np.ravel(value)[0] for value in values if value is not None] == pytest.approx(by_hand)
    logs = [factor.log10_norm for factor in chain.factors]
    assert logs == pytest.approx(np.log10(np.abs(by_hand)).tolist())
    assert chain.value == pytest.approx(np.array([[np.prod(by_hand)]]))
    assert chain.log10_norm == pytest.approx(sum(logs))


def test_a_term_under_every_number_keeps_its_norm() -> None:
    """W = I/10 over 1000 steps: 10⁻⁹⁹⁹, where a double ends at 10⁻³²⁴."""
    length, eye = 1000, np.eye(2)
    inputs = np.zeros((length, 1, 2))
    inputs[0] = 1.0
    targets, mask = np.zeros((length, 1, 2)), np.zeros((length, 1))
    targets[-1], mask[-1] = 1.0, 1.0
    trace = engine.trace(
        "elman",
        {"weight_ih_l0": eye, "weight_hh_l0": eye / 10, "readout.weight": eye},
        inputs,
        targets=targets,
        mask=mask,
        loss="mean_squared_error",
        options={"activation": "identity"},
    )
    chain = trace.chain(length, 1, "weight_ih_l0")
    steps = [factor.log10_norm for factor in chain.factors if factor.name == "state_by_state"]
    assert steps == pytest.approx([-1.0] * 999)
    # ∂L/∂ŷ = −2/2 for both outputs, the input 1 at both units: a matrix of four equal entries.
    assert chain.log10_norm == pytest.approx(np.log10(2.0) - 999)
    assert chain.value is not None
    assert not chain.value.any()


def test_a_wall_between_loss_and_state_makes_the_term_zero(rng: np.random.Generator) -> None:
    trace = traced("elman", rng, truncation=2)
    cut, whole = trace.chain(4, 1, "weight_hh_l0"), trace.chain(4, 3, "weight_hh_l0")
    assert cut.walls == (2,)
    assert (cut.log10_norm, cut.arriving[-1][1]) == (-np.inf, -np.inf)
    assert whole.walls == ()
    assert np.isfinite(whole.log10_norm)


def test_a_loss_that_is_not_asked_gives_exact_zeros(rng: np.random.Generator) -> None:
    mask = np.ones((T, B))
    mask[2] = 0
    chain = traced("gru", rng, mask=mask).chain(3, 1, "weight_hh_l0")
    assert chain.factors[0].log10_norm == -np.inf
    assert chain.factors[0].left_out == B
    assert chain.log10_norm == -np.inf


def test_weights_that_are_not_finite_give_no_number_and_no_error() -> None:
    trace = engine.trace(
        "elman",
        {"weight_ih_l0": [[1.0]], "weight_hh_l0": [[np.nan]], "readout.weight": [[1.0], [2.0]]},
        [[[1.0]], [[1.0]]],
        targets=[[0], [1]],
    )
    chain = trace.chain(2, 1, "weight_hh_l0")
    assert np.isnan(chain.log10_norm)
    assert [np.isnan(factor.log10_norm) for factor in chain.factors][:4] == [True] * 4 or all(
        np.isnan(factor.log10_norm) for factor in chain.factors if factor.name == "state_by_state"
    )


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"loss_time": 0}, "/loss_time"),
        ({"loss_time": 6, "state_time": 6}, "/loss_time"),
        ({"state_time": 5}, "/state_time"),
        ({"state_time": 0}, "/state_time"),
        ({"sample": 3}, "/sample"),
        ({"sample": -1}, "/sample"),
        ({"parameter": "readout.weight"}, "/state_time"),
    ],
)
def test_what_is_not_there_is_refused_at_its_name(
    asked: dict[str, Any], pointer: str, rng: np.random.Generator
) -> None:
    given = {"loss_time": 4, "state_time": 2, "parameter": "weight_hh_l0", **asked}
    with pytest.raises(engine.ConfigError) as refused:
        traced("elman", rng).chain(**given)
    assert [problem.pointer for problem in refused.value.problems] == [pointer]


def test_an_unknown_parameter_is_refused_with_those_there_are(rng: np.random.Generator) -> None:
    with pytest.raises(engine.UnknownNameError, match="weight_hh_l0"):
        traced("elman", rng).chain(2, 1, "W")
