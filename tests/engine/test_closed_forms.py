"""Truths that a pencil finds: Jacobians at rest, open gates, chains, oscillators, homogeneity."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import engine
from tests.engine.against import MODELS, Model, options_of, state_argument
from tests.reference.problems import Array, Problem, Recipe, make_problem, relative_difference

ROUNDING = 1e-13
"""Products of a few float64 matrices of four rows."""

H = 4

Weights = Mapping[str, Array]


def still(recipe: Recipe, rng: np.random.Generator) -> tuple[Problem, dict[str, Array]]:
    """Return a problem of one step from zero, and its weights by name without the layer."""
    problem = make_problem(recipe)
    weights: dict[str, Array] = {
        n.removesuffix("_l0"): rng.normal(size=p.shape) for n, p in _layer(problem).items()
    }
    return problem, weights


def _layer(problem: Problem) -> dict[str, Array]:
    named = problem.parameters.items()
    return {n: np.asarray(p) for n, p in named if not n.startswith(("bias", "readout"))}


def jacobian(
    problem: Problem,
    weights: Weights,
    state: Mapping[str, Array] | None = None,
    x: Array | None = None,
) -> Array:
    """Return ∂s_1/∂s_0 as the engine has it, parts of the state side by side in both axes.

    One sample for each row: the final state's gradient is a unit vector there.
    """
    names = problem.states
    size = len(names) * problem.hidden
    units = np.eye(size).reshape(size, len(names), problem.hidden)
    start = state or {}
    repeated = {n: np.tile(start.get(n, np.zeros(problem.hidden)), (1, size, 1)) for n in names}
    inputs = np.zeros(problem.inputs.shape[2]) if x is None else x
    traced = engine.trace(
        problem.cell,
        {f"{name}_l0": value for name, value in weights.items()},
        np.tile(inputs, (1, size, 1)),
        reduction="sum",
        options=options_of(problem),
        initial_state=state_argument(problem, repeated),
        final_state_gradients=state_argument(
            problem, {name: units[None, :, part] for part, name in enumerate(names)}
        ),
    )
    found = traced.initial_state_gradient
    parts = found if isinstance(found, tuple) else (found,)
    return np.concatenate([part[0] for part in parts], axis=1)


one, none = np.eye(H), np.zeros((H, H))


def block(w: Weights, gate: int) -> Array:
    """Return a gate's rows of the recurrent matrix."""
    return w["weight_hh"][gate * H : (gate + 1) * H]


def skew(w: Weights) -> Array:
    """Return A − Aᵀ of the strictly lower triangle A."""
    lower = np.tril(w["weight_hh"], -1)
    return np.asarray(lower - lower.T)


def exponential(S: Array) -> Array:
    """Return exp(S) by the eigenvectors of iS, which is Hermitian."""
    frequencies, vectors = np.linalg.eigh(1j * S)
    return np.asarray(((vectors * np.exp(-1j * frequencies)) @ vectors.conj().T).real)


def _skip(w: Weights, o: Mapping[str, Any]) -> Array:
    lag = o["skip"]
    first = np.hstack([w["weight_hh"], *[none] * (lag - 2), w["W_s"]])
    return np.vstack([first, np.eye((lag - 1) * H, lag * H)])


def _antisymmetric(w: Weights, o: Mapping[str, Any]) -> Array:
    M = w["weight_hh"]
    open_ = 0.5 if o["gated"] else 1.0
    return one + open_ * o["epsilon"] * (M - M.T - o["gamma"] * one)


def _cayley_or_exponential(w: Weights, o: Mapping[str, Any]) -> Array:
    S = skew(w)
    if o["map"] == "cayley":
        return np.asarray(np.linalg.inv(one - S) @ (one + S))
    return exponential(S)


def _lstm(w: Weights, _: Mapping[str, Any]) -> Array:
    candidate = block(w, 2) / 2  # i = ½; c_t = ½ c_{t−1} + ½ g, h_t = ½ tanh(c_t)
    return np.block([[candidate / 2, one / 4], [candidate, one / 2]])


def _cornn(w: Weights, o: Mapping[str, Any]) -> Array:
    dt = o["dt"]
    from_y = dt * (w["weight_hh"] - o["gamma"] * one)
    from_z = (1 - dt * o["epsilon"]) * one + dt * w["W_z"]
    return np.block([[one + dt * from_y, dt * from_z], [from_y, from_z]])


def _lem(w: Weights, o: Mapping[str, Any]) -> Array:
    half = o["dt"] / 2  # both time steps at σ(0)
    from_y, from_z = half * block(w, 2), (1 - half) * one
    read = half * block(w, 3)
    return np.block([[(1 - half) * one + read @ from_y, read @ from_z], [from_y, from_z]])


def _lru(w: Weights, _: Mapping[str, Any]) -> Array:
    eigenvalue = np.exp(-np.exp(w["nu_log"]) + 1j * np.exp(w["theta_log"]))
    re, im = np.diag(eigenvalue.real), np.diag(eigenvalue.imag)
    return np.block([[re, -im], [im, re]])


def _sigmoid(a: float) -> float:
    return float(1 / (1 + np.exp(-a)))


AT_REST: Mapping[str, Callable[[Weights, Mapping[str, Any]], Array]] = {
    # tanh′(0) = 1, σ(0) = ½, and a candidate that is 0 hides the slopes of its gates.
    "elman": lambda w, _: w["weight_hh"],
    "preactivation": lambda w, _: w["weight_hh"],
    "skip": _skip,
    "residual": lambda w, o: one + o["alpha"] * w["weight_hh"],
    "leaky": lambda w, o: (1 - o["alpha"]) * one + o["alpha"] * w["weight_hh"],
    "indrnn": lambda w, _: np.diag(w["u"]),
    "antisymmetric": _antisymmetric,
    "orthogonal": _cayley_or_exponential,
    "lstm": _lstm,
    "peephole_lstm": _lstm,
    "gru": lambda w, _: one / 2 + block(w, 2) / 4,
    "ugrnn": lambda w, _: one / 2 + block(w, 1) / 2,
    "mgu": lambda w, _: one / 2 + block(w, 1) / 4,
    "janet": lambda w, o: one / 2 + (1 - _sigmoid(-o["beta"])) * block(w, 1),
    "min_gru": lambda w, _: one / 2,
    "cornn": _cornn,
    "lem": _lem,
    "lru": _lru,
}

AT_TANH = [model for model in MODELS if model[1] in (None, "tanh")]


@pytest.mark.parametrize("model", AT_TANH, ids=str)
def test_the_jacobian_at_rest_is_the_one_of_the_paper(
    model: Model, rng: np.random.Generator
) -> None:
    cell, activation, options = model
    problem, weights = still(
        Recipe(cell=cell, activation=activation, options=options, asked="last", bias=False), rng
    )
    expected = AT_REST[cell](weights, problem.all_options)
    assert relative_difference(jacobian(problem, weights), expected) <= ROUNDING


@pytest.mark.parametrize("kind", ["exponential", "cayley"])
def test_singular_values_of_an_orthogonal_tanh_step_are_the_sorted_slopes(
    kind: str, rng: np.random.Generator
) -> None:
    recipe = Recipe(cell="orthogonal", activation="tanh", options=(("map", kind),), bias=False)
    problem, weights = still(recipe, rng)
    x, h_before = rng.normal(size=2), rng.normal(size=H)
    W = _cayley_or_exponential(weights, {"map": kind})
    h = np.tanh(weights["weight_ih"] @ x + W @ h_before)
    found = np.linalg.svd(jacobian(problem, weights, {"h": h_before}, x), compute_uv=False)
    np.testing.assert_allclose(found, np.sort(1 - h**2)[::-1], rtol=1e-12)


# What each cell keeps by, with all its recurrent weights zero: the bias that opens or shuts.
FAR = 50.0
"""σ(50) is 1 and σ(−50) is 2e−22: nothing beside 1 in float64."""

KEEPING: Mapping[str, tuple[int, float, int]] = {
    # gate, its bias, number of gates
    "gru": (1, FAR, 3),
    "ugrnn": (0, FAR, 2),
    "mgu": (0, -FAR, 2),
    "janet": (0, FAR, 2),
    "min_gru": (0, -FAR, 2),
}


@pytest.mark.parametrize("cell", KEEPING)
def test_a_gate_that_keeps_hands_the_gradient_back_unchanged(
    cell: str, rng: np.random.Generator
) -> None:
    gate, value, gates = KEEPING[cell]
    problem = make_problem(Recipe(cell=cell, asked="last", length=30))
    bias = np.zeros((gates, H))
    bias[gate] = value
    parameters = {n: np.asarray(p) for n, p in problem.parameters.items()}
    parameters["weight_ih_l0"] = 0.1 * parameters["weight_ih_l0"]
    parameters["bias_ih_l0"] = bias.ravel()
    if "weight_hh_l0" in parameters:
        parameters["weight_hh_l0"] = 0.1 * parameters["weight_hh_l0"]
    traced = engine.trace(
        cell, parameters, problem.inputs, targets=problem.targets, mask=problem.mask
    )
    gradient = traced.hidden_gradient.array()[0]
    np.testing.assert_allclose(gradient, np.broadcast_to(gradient[-1], gradient.shape), rtol=1e-12)


@pytest.mark.parametrize("cell", ["lstm", "peephole_lstm"])
def test_an_open_forget_gate_carries_the_cells_gradient_unchanged(
    cell: str, rng: np.random.Generator
) -> None:
    problem, weights = still(Recipe(cell=cell, asked="last"), rng)
    bias = np.zeros((4, H))
    bias[0], bias[1] = -FAR, FAR  # i shut, f open: c_t = c_{t−1}
    given = {**weights, "bias_ih": bias.ravel()}
    state = {"h": rng.normal(size=H), "c": rng.normal(size=H)}
    found = jacobian(problem, given, state, rng.normal(size=2))
    np.testing.assert_allclose(found[H:, H:], one, atol=1e-15)
    np.testing.assert_allclose(found[H:, :H], none, atol=1e-15)


def scalar(**weights: float) -> dict[str, Array]:
    """Return weights of one unit that reads one input."""
    shapes = {"weight_ih": (1, 1), "weight_hh": (1, 1), "W_s": (1, 1), "u": (1,)}
    return {f"{n}_l0": np.full(shapes[n], value) for n, value in weights.items()}


def chain(
    cell: str, weights: Mapping[str, Array], options: Mapping[str, Any], length: int
) -> Array:
    """Return dh_T/dh_k for k = 1 … T of a linear network of one unit."""
    gradients = np.zeros((length, 1, 1))
    gradients[-1] = 1.0
    traced = engine.trace(
        cell,
        weights,
        np.zeros((length, 1, 1)),
        output_gradients=gradients,
        reduction="sum",
        options={"activation": "identity", **options},
    )
    return np.asarray(traced.hidden_gradient.array()[0, :, 0, 0])


LENGTH = 40

CHAINS: Mapping[str, tuple[dict[str, float], dict[str, Any], float]] = {
    # weights, options, the factor of a step
    "elman": ({"weight_hh": 0.9}, {}, 0.9),
    "preactivation": ({"weight_hh": -1.1}, {}, -1.1),
    "residual": ({"weight_hh": -0.5}, {"alpha": 0.2}, 0.9),
    "leaky": ({"weight_hh": 1.5}, {"alpha": 0.2}, 1.1),
    "indrnn": ({"u": 0.8}, {}, 0.8),
}


@pytest.mark.parametrize("cell", CHAINS)
def test_a_scalar_linear_chain_has_a_power_of_its_factor(cell: str) -> None:
    weights, options, factor = CHAINS[cell]
    found = chain(cell, scalar(weight_ih=1.0, **weights), options, LENGTH)
    np.testing.assert_allclose(found, factor ** np.arange(LENGTH - 1.0, -1, -1), rtol=1e-12)


def test_a_skip_of_two_with_weights_one_has_the_fibonacci_numbers() -> None:
    weights = scalar(weight_ih=1.0, weight_hh=1.0, W_s=1.0)
    found = chain("skip", weights, {"skip": 2}, LENGTH)
    fibonacci = [1.0, 1.0]
    while len(fibonacci) < LENGTH:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    assert found[::-1].tolist() == fibonacci  # whole numbers far under 2^53: no rounding


def test_a_skip_without_recurrence_keeps_every_sth_step_alone() -> None:
    found = chain("skip", scalar(weight_ih=1.0, weight_hh=0.0, W_s=0.5), {"skip": 4}, 13)
    lags = np.arange(12, -1, -1)
    assert found.tolist() == np.where(lags % 4 == 0, 0.5 ** (lags // 4), 0.0).tolist()


def test_an_oscillator_loses_what_its_damping_takes_from_the_phase_space(
    rng: np.random.Generator,
) -> None:
    options = (("dt", 0.4), ("gamma", 1.3), ("epsilon", 0.7))
    problem, weights = still(Recipe(cell="cornn", options=options), rng)
    free = {**weights, "weight_hh": 0 * weights["weight_hh"], "W_z": 0 * weights["W_z"]}
    found = np.linalg.det(jacobian(problem, free, {"h": rng.normal(size=H)}))
    assert found == pytest.approx((1 - 0.4 * 0.7) ** H, rel=1e-12)


@pytest.mark.parametrize("gated", [False, True])
def test_an_antisymmetric_flow_without_damping_turns_and_stretches_only_by_its_step(
    gated: bool, rng: np.random.Generator
) -> None:
    options = (("gated", gated), ("epsilon", 0.1), ("gamma", 0.0))
    problem, weights = still(Recipe(cell="antisymmetric", options=options), rng)
    M = weights["weight_hh"]
    open_ = 0.5 if gated else 1.0
    turning = np.linalg.eigvals(M - M.T).imag  # real parts are zero
    expected = np.sqrt(1 + (open_ * 0.1 * turning) ** 2)
    found = np.abs(np.linalg.eigvals(jacobian(problem, weights)))
    np.testing.assert_allclose(np.sort(found), np.sort(expected), rtol=1e-12)


HOMOGENEOUS = {"elman", "preactivation", "skip", "residual", "leaky", "indrnn", "orthogonal"}


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(
    "model",
    [m for m in MODELS if m[0] in HOMOGENEOUS and m[1] in ("relu", "leaky_relu", "identity")],
    ids=str,
)
def test_a_homogeneous_network_obeys_eulers_identity(
    model: Model, layers: int, rng: np.random.Generator
) -> None:
    cell, activation, options = model
    recipe = Recipe(cell=cell, activation=activation, options=options, layers=layers, bias=False)
    problem = make_problem(recipe)
    gradients = np.zeros((problem.length, problem.batch, 3))
    gradients[-1] = rng.normal(size=(problem.batch, 3))
    traced = engine.trace(
        cell,
        problem.parameters,
        problem.inputs,
        output_gradients=gradients,
        reduction="sum",
        options=options_of(problem),
        initial_state=state_argument(problem, problem.initial),
    )
    found = traced.initial_state_gradient
    parts = found if isinstance(found, tuple) else (found,)
    from_start = sum(
        float(np.vdot(part, problem.initial[name]))
        for name, part in zip(problem.states, parts, strict=True)
    )
    from_inputs = float(np.vdot(traced.input_gradients, problem.inputs))
    assert from_start + from_inputs == pytest.approx(
        float(np.vdot(gradients, traced.outputs)), rel=1e-12
    )


GAMMA = {"sigmoid": 0.25}
"""sup φ′ where it is not 1."""


def _bound(cell: str, gamma: float, w: Weights, o: Mapping[str, Any]) -> float:
    if cell == "indrnn":
        return float(gamma * np.abs(w["u"]).max())
    norm = 1.0 if cell == "orthogonal" else float(np.linalg.norm(w["weight_hh"], 2))
    if cell == "leaky":
        return 1 - o["alpha"] + o["alpha"] * gamma * norm
    return 1 + o["alpha"] * gamma * norm if cell == "residual" else gamma * norm


@pytest.mark.parametrize(
    "model", [m for m in MODELS if m[0] in HOMOGENEOUS - {"skip"} and m[1]], ids=str
)
def test_every_jacobian_lies_under_the_cells_bound(model: Model, rng: np.random.Generator) -> None:
    cell, activation, options = model
    problem, weights = still(
        Recipe(cell=cell, activation=activation, options=options, bias=False), rng
    )
    bound = _bound(cell, GAMMA.get(activation or "", 1.0), weights, problem.all_options)
    norms = [
        np.linalg.norm(jacobian(problem, weights, {"h": rng.normal(size=H)}, rng.normal(size=2)), 2)
        for _ in range(20)
    ]
    assert max(norms) <= bound * (1 + 1e-12)
