"""Layers of two directions beside nn.RNN, nn.LSTM and nn.GRU with bidirectional=True."""

from functools import cache

import numpy as np
import pytest

import engine
from tests.engine.against import EXACT, disagreement
from tests.reference.problems import relative_difference

torch = pytest.importorskip("torch")

from tests.reference import torch_directions  # noqa: E402  # after importorskip

pytestmark = pytest.mark.torch

T, B, D, H, K = 19, 3, 2, 5, 4
"""Longer than a chunk of the backward sweep, so that two of them meet."""

every_network = pytest.mark.parametrize("layers", [1, 2, 3])
every_cell = pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])


@cache
def theirs(cell: str, layers: int) -> torch_directions.Directions:
    generator = torch.Generator().manual_seed(layers)
    return torch_directions.differentiate(
        cell,
        layers,
        inputs=torch.randn(T, B, D, dtype=torch.float64, generator=generator),
        targets=torch.randint(0, K, (T, B), generator=generator),
        hidden=H,
        outputs=K,
        seed=layers,
    )


@cache
def ours(cell: str, layers: int) -> engine.Trace:
    reference = theirs(cell, layers)
    generator = torch.Generator().manual_seed(layers)
    torch.randn(T, B, D, dtype=torch.float64, generator=generator)
    targets = torch.randint(0, K, (T, B), generator=generator).numpy()
    return engine.trace(cell, reference.parameters, reference.inputs, targets=targets)


@every_network
@every_cell
def test_the_reference_step_by_step_is_the_fused_layer(cell: str, layers: int) -> None:
    assert theirs(cell, layers).loss == pytest.approx(theirs(cell, layers).fused_loss, rel=1e-12)


@every_network
@every_cell
def test_every_parameter_gradient_is_autograds(cell: str, layers: int) -> None:
    differences = disagreement(ours(cell, layers).parameter_gradients, theirs(cell, layers).fused)
    assert max(differences.values()) <= EXACT, differences


@every_network
@every_cell
def test_every_total_gradient_of_both_directions_is_autograds(cell: str, layers: int) -> None:
    mine, reference = ours(cell, layers).hidden_gradient.array(), theirs(cell, layers).total
    for entry in range(2 * layers):
        assert relative_difference(mine[entry], reference[entry]) <= EXACT


@every_network
@every_cell
def test_the_gradient_of_every_loss_at_every_state_is_autograds(cell: str, layers: int) -> None:
    mine, reference = ours(cell, layers).loss_state_gradients(), theirs(cell, layers).matrix
    assert relative_difference(np.nan_to_num(mine), reference) <= EXACT


@every_network
@every_cell
def test_norms_of_that_matrix_are_the_statistic(cell: str, layers: int) -> None:
    mine = ours(cell, layers).statistic("loss_state_gradient")
    norms = B * np.linalg.norm(theirs(cell, layers).matrix, axis=-1).mean(axis=-1)
    reached = norms > 0
    assert np.array_equal(np.isfinite(mine), reached)
    assert np.allclose(mine[reached], np.log10(norms[reached]), rtol=0, atol=1e-10)
