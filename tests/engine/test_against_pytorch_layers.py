"""The engine beside nn.RNN, nn.LSTM and nn.GRU as their users call them."""

from functools import cache

import numpy as np
import pytest

from tests.engine.against import EXACT, disagreement, ours, problem_of, state_parts
from tests.reference.problems import Recipe, relative_difference

torch = pytest.importorskip("torch")

from tests.reference import torch_layers  # noqa: E402  # after importorskip

pytestmark = pytest.mark.torch

LAYERS = tuple(
    Recipe(cell=cell, activation=activation, layers=layers, loss=loss, asked="some", bias_hh=True)
    for cell, activation in (("elman", "tanh"), ("elman", "relu"), ("lstm", None), ("gru", None))
    for layers in (1, 2, 3)
    for loss in ("cross_entropy", "mean_squared_error")
)

every_layer = pytest.mark.parametrize("recipe", LAYERS, ids=str)


@cache
def fused(recipe: Recipe) -> torch_layers.LayerGradients:
    return torch_layers.differentiate(problem_of(recipe))


@every_layer
def test_every_parameter_gradient_is_the_fused_layers_its_second_bias_included(
    recipe: Recipe,
) -> None:
    differences = disagreement(ours(recipe).parameter_gradients, fused(recipe).parameters)
    assert max(differences.values()) <= EXACT, differences


@every_layer
def test_the_loss_and_outputs_are_the_fused_layers(recipe: Recipe) -> None:
    assert ours(recipe).loss == pytest.approx(fused(recipe).loss, rel=1e-12)
    assert relative_difference(ours(recipe).outputs, fused(recipe).outputs) <= EXACT


@every_layer
def test_the_immediate_gradient_is_output_grad_of_the_stacked_output(recipe: Recipe) -> None:
    mine = ours(recipe).immediate_gradient.array()[-1]
    assert relative_difference(mine, fused(recipe).output_grad) <= EXACT


@every_layer
def test_the_total_gradient_is_not_output_grad_of_the_stacked_output(recipe: Recipe) -> None:
    total, stacked = ours(recipe).hidden_gradient.array()[-1], fused(recipe).output_grad
    last_asked = np.flatnonzero(problem_of(recipe).mask.any(1))[-1]
    assert relative_difference(total[last_asked:], stacked[last_asked:]) <= EXACT
    assert relative_difference(total[:last_asked], stacked[:last_asked]) > 0.01


@every_layer
def test_the_input_and_initial_gradients_are_the_fused_layers(recipe: Recipe) -> None:
    assert relative_difference(ours(recipe).input_gradients, fused(recipe).inputs) <= EXACT
    mine = state_parts(problem_of(recipe), ours(recipe).initial_state_gradient)
    assert max(disagreement(mine, fused(recipe).initial).values()) <= EXACT


@pytest.mark.parametrize("recipe", [r for r in LAYERS if r.layers == 1], ids=str)
def test_the_total_gradient_is_that_of_a_layer_called_step_by_step(recipe: Recipe) -> None:
    theirs = torch_layers.stepwise_hidden_gradient(problem_of(recipe))
    assert relative_difference(ours(recipe).hidden_gradient.array(), theirs) <= EXACT
