"""The references beside torchrecurrent's cells, and beside other forms of the same equations.

torchrecurrent's LEM reads z_{t−1} in the candidate of y, where the paper and its authors' code
read z_t: the two agree where that candidate does not see z, and are compared there alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.reference.cells import CELLS
from tests.reference.problems import Array, Problem, Recipe, make_problem, relative_difference

torch = pytest.importorskip("torch")

from tests.reference import torch_twin  # noqa: E402  # after importorskip
from tests.reference.cells.one_path import orthogonal_matrix  # noqa: E402

pytestmark = pytest.mark.torch

EXACT = 1e-12
"""Two orders of the same float64 sums."""

H = 4

Weights = Mapping[str, Array]


@dataclass(frozen=True)
class Package:
    """A cell of torchrecurrent, what it is made with, and where its weights come from."""

    name: str
    options: Mapping[str, Any]
    weights: Callable[[Weights], dict[str, Array]]


def blocks(order: str, *names: str) -> Callable[[Weights], dict[str, Array]]:
    """Take blocks of the named weights in another order."""

    def take(w: Weights) -> dict[str, Array]:
        rows = np.concatenate([np.arange(int(i) * H, (int(i) + 1) * H) for i in order])
        return {name: w[name][rows] for name in names}

    return take


def same(*names: str) -> Callable[[Weights], dict[str, Array]]:
    """Take weights as they are."""
    return lambda w: {name: w[name] for name in names}


ALL = ("weight_ih", "weight_hh", "bias_ih")

PACKAGES: Mapping[tuple[str, tuple[tuple[str, Any], ...]], Package] = {
    ("antisymmetric", (("epsilon", 0.5), ("gamma", 0.3))): Package(
        "AntisymmetricRNNCell", {"epsilon": 0.5, "gamma": 0.3}, same(*ALL)
    ),
    ("antisymmetric", (("gated", True), ("epsilon", 0.5), ("gamma", 0.3))): Package(
        "GatedAntisymmetricRNNCell", {"epsilon": 0.5, "gamma": 0.3}, same(*ALL)
    ),
    ("cornn", (("dt", 0.4), ("gamma", 1.3), ("epsilon", 0.7))): Package(
        "coRNNCell",
        {"dt": 0.4, "gamma": 1.3, "epsilon": 0.7},
        lambda w: {**same(*ALL)(w), "weight_ch": w["W_z"]},
    ),
    ("indrnn", ()): Package(
        "IndRNNCell", {}, lambda w: {**same("weight_ih", "bias_ih")(w), "vector_u": w["u"]}
    ),
    ("janet", (("beta", 0.5),)): Package(  # β is a parameter there, and one in float32
        "JANETCell", {}, lambda w: {**same(*ALL)(w), "beta": np.array(0.5)}
    ),
    ("mgu", ()): Package("MGUCell", {}, same(*ALL)),
    ("peephole_lstm", ()): Package(
        "PeepholeLSTMCell",
        {},
        lambda w: {
            **same(*ALL)(w),
            "weight_ph": np.concatenate([w["p_i"], w["p_f"], w["p_o"]]),
        },
    ),
    ("ugrnn", ()): Package("UGRNNCell", {}, blocks("10", *ALL)),
    ("lem", (("dt", 0.6),)): Package(
        "LEMCell",
        {"dt": 0.6},
        lambda w: {
            **blocks("1023", "weight_ih", "bias_ih")(w),
            **blocks("102", "weight_hh")(w),
            "weight_ch": w["weight_hh"][3 * H :],
        },
    ),
}


def problem_of(cell: str, options: tuple[tuple[str, Any], ...]) -> Problem:
    activation = "tanh" if CELLS[cell].choice else None
    problem = make_problem(
        Recipe(cell=cell, activation=activation, options=options, asked="last", hidden=H)
    )
    if cell == "lem":
        problem.parameters["weight_hh_l0"][3 * H :] = 0.0
    return problem


def states_of_the_package(package: Package, problem: Problem) -> dict[str, Array]:
    torchrecurrent = pytest.importorskip("torchrecurrent")
    module = getattr(torchrecurrent, package.name)(
        problem.inputs.shape[2], problem.hidden, dtype=torch.float64, **package.options
    )
    given = {n.removesuffix("_l0"): np.asarray(p) for n, p in problem.parameters.items()}
    zeros = {name: torch.zeros_like(value) for name, value in module.state_dict().items()}
    ours = {name: torch.tensor(value) for name, value in package.weights(given).items()}
    module.load_state_dict({**zeros, **ours}, strict=True)
    names = problem.states
    states = [torch.tensor(problem.initial[name][0]) for name in names]
    if package.name == "JANETCell":
        states, names = states * 2, ("h", "c")  # its h and c are the same
    state = tuple(states) if len(states) > 1 else states[0]
    for x in torch.tensor(problem.inputs):
        state = module(x, state)
    parts = state if isinstance(state, tuple) else (state,)
    return {name: part.detach().numpy() for name, part in zip(names, parts, strict=True)}


@pytest.mark.parametrize(("cell", "options"), PACKAGES, ids=str)
def test_the_reference_makes_the_states_of_torchrecurrents_cell(
    cell: str, options: tuple[tuple[str, Any], ...]
) -> None:
    problem = problem_of(cell, options)
    theirs = states_of_the_package(PACKAGES[cell, options], problem)
    mine = torch_twin.states(problem)
    worst = {name: relative_difference(mine[name][0], theirs[name]) for name in mine}
    assert max(worst.values()) < EXACT, worst


def test_the_exponential_is_torchs(rng: np.random.Generator) -> None:
    parameter = torch.tensor(rng.normal(scale=2, size=(6, 6)))
    lower = parameter.tril(-1)
    mine = orthogonal_matrix(torch_twin.MATH, parameter, "exponential")
    assert relative_difference(mine.numpy(), torch.matrix_exp(lower - lower.T).numpy()) < EXACT


@pytest.mark.parametrize("kind", ["exponential", "cayley"])
def test_the_matrix_of_a_skew_parameter_is_orthogonal(kind: str, rng: np.random.Generator) -> None:
    parameter = torch.tensor(rng.normal(scale=2, size=(6, 6)))
    matrix = orthogonal_matrix(torch_twin.MATH, parameter, kind).numpy()
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(6), atol=EXACT)
    assert np.linalg.det(matrix) == pytest.approx(1.0, abs=EXACT)


def test_the_recurrence_of_the_lru_is_one_of_complex_numbers() -> None:
    problem = make_problem(Recipe(cell="lru", asked="last"))
    w = {n.removesuffix("_l0"): np.asarray(p) for n, p in problem.parameters.items()}
    eigenvalue = np.exp(-np.exp(w["nu_log"]) + 1j * np.exp(w["theta_log"]))
    s = problem.initial["re"][0] + 1j * problem.initial["im"][0]
    for x in problem.inputs:
        s = eigenvalue * s + np.exp(w["gamma_log"]) * (x @ (w["B_re"] + 1j * w["B_im"]).T)
    output = (s @ (w["C_re"] + 1j * w["C_im"]).T).real + problem.inputs[-1] @ w["D"].T
    logits = output @ w["readout.weight"].T + w["readout.bias"]
    assert relative_difference(torch_twin.differentiate(problem).outputs[-1], logits) < EXACT
