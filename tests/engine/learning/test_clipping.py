"""Clipping: laws of each kind, and independent twins on a whole network."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.arrays import Array
from engine.bptt.network import Network
from engine.cells import make_cell
from engine.config import AdaptiveClipping, Clipping, NormClipping, ValueClipping
from engine.learning.clipping import Clipper

NAME = "weight"


def clip(options: Clipping | None, gradient: Array, norm: float) -> tuple[Array, float]:
    """Clip the gradient of one parameter, a vector of ones."""
    clipper = Clipper(options, np.ones_like(gradient), lambda vector: {NAME: [vector]})
    return clipper.clip(gradient, norm, {NAME: norm})


VECTORS = st.lists(st.floats(-1e8, 1e8, allow_subnormal=False), min_size=1, max_size=20).map(
    np.array
)
THRESHOLDS = st.floats(1e-6, 1e6)
EVERY = [None, NormClipping(), NormClipping(scope="tensor"), ValueClipping(), AdaptiveClipping()]
LOOSE = [
    None,
    NormClipping(threshold=10),
    NormClipping(threshold=5, scope="tensor"),
    ValueClipping(threshold=9),
    AdaptiveClipping(threshold=5),
]


@given(gradient=VECTORS, threshold=THRESHOLDS)
def test_clipping_by_norm_keeps_direction_and_bounds_the_norm(
    gradient: Array, threshold: float
) -> None:
    norm = float(np.linalg.norm(gradient))
    clipped, factor = clip(NormClipping(threshold=threshold), gradient, norm)
    length = float(np.linalg.norm(clipped))
    assert length == pytest.approx(min(norm, threshold), rel=1e-12)
    assert factor == pytest.approx(min(1, threshold / norm) if norm else 1, rel=1e-12)
    # Cosine 1, to a few roundings.
    assert float(clipped @ gradient) == pytest.approx(length * norm, rel=1e-12)


@given(gradient=VECTORS, threshold=THRESHOLDS)
def test_clipping_by_value_bounds_every_entry_and_says_what_is_left(
    gradient: Array, threshold: float
) -> None:
    norm = float(np.linalg.norm(gradient))
    clipped, factor = clip(ValueClipping(threshold=threshold), gradient, norm)
    assert np.array_equal(clipped, np.minimum(np.maximum(gradient, -threshold), threshold))
    expected = float(np.linalg.norm(clipped)) / norm if norm else 1
    assert factor == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("options", LOOSE)
def test_what_is_short_enough_passes_untouched(options: Clipping | None) -> None:
    gradient = np.array([3.0, -4.0])
    clipped, factor = clip(options, gradient, 5.0)
    assert clipped is gradient
    assert factor == 1.0


@pytest.mark.parametrize(
    ("options", "expected"), [(NormClipping(), 1), (ValueClipping(), math.sqrt(2))]
)
def test_clipping_leaves_the_gradient_itself_alone(options: Clipping, expected: float) -> None:
    gradient = np.array([30.0, -40.0], dtype=np.float32)
    clipped, factor = clip(options, gradient, 50.0)
    assert gradient.tolist() == [30.0, -40.0]
    assert clipped.dtype == np.float32
    assert factor == pytest.approx(expected / 50)


@pytest.mark.parametrize("options", EVERY)
def test_a_gradient_of_zero_has_a_clip_factor_of_one(options: Clipping | None) -> None:
    zero = np.zeros(4)
    assert clip(options, zero, 0.0)[1] == 1.0


@pytest.mark.parametrize("options", EVERY)
@pytest.mark.parametrize("norm", [math.inf, math.nan])
def test_a_gradient_that_is_not_finite_has_no_clip_factor(
    options: Clipping | None, norm: float
) -> None:
    gradient = np.array([norm, 1.0])
    with np.errstate(invalid="ignore"):
        assert math.isnan(clip(options, gradient, norm)[1])


def test_a_tiny_float32_gradient_is_measured_in_double_precision() -> None:
    gradient = np.full(4, 1e-30, dtype=np.float32)
    options = ValueClipping(threshold=5e-31)
    assert clip(options, gradient, 2e-30)[1] == pytest.approx(0.5, rel=1e-6)


# Whole networks: each kind beside a twin that works on PyTorch's layout.

H, D, K = 5, 3, 2


@pytest.fixture(params=["elman", "lstm", "gru"])
def network(request: pytest.FixtureRequest, rng: np.random.Generator) -> Network:
    """Two layers with weights and a gradient of very different sizes."""
    cell = make_cell(request.param)
    made = Network(cell, inputs=D, hidden=H, layers=2, outputs=K, dtype=np.float64)
    for vector in (made.flat, made.gradient):
        vector[:] = rng.standard_normal(vector.size) * 10.0 ** rng.integers(-3, 2, vector.size)
    made.finish_gradient(1.0)
    for layer in made.layers:
        for product in layer.products:
            product.close(product.W)
    made.prepare()
    return made


def clipped_parameters(options: Clipping, network: Network) -> tuple[Mapping[str, Array], float]:
    """Return the clipped gradient by public name, and the clip factor."""
    norms = network.gradient_norms()
    clipper = Clipper(options, network.flat, network.views)
    before = network.gradient.copy()
    clipped, factor = clipper.clip(network.gradient, math.hypot(*norms.values()), norms)
    assert np.array_equal(network.gradient, before)
    network.gradient[:] = clipped
    found = network.gradients()
    network.gradient[:] = before
    return found, factor


def length(arrays: Mapping[str, Array]) -> float:
    return math.sqrt(sum(float((array**2).sum()) for array in arrays.values()))


def test_clipping_by_tensor_shortens_each_parameter_by_itself(network: Network) -> None:
    given = network.gradients()
    threshold = float(np.median([np.linalg.norm(array) for array in given.values()]))
    found, factor = clipped_parameters(NormClipping(threshold=threshold, scope="tensor"), network)
    cut = 0
    for name, gradient in given.items():
        norm = float(np.linalg.norm(gradient))
        cut += norm > threshold
        expected = gradient * min(1, threshold / norm)
        np.testing.assert_allclose(found[name], expected, rtol=1e-13)
    assert 0 < cut < len(given)
    assert factor == pytest.approx(length(found) / length(given), rel=1e-12)


def test_adaptive_clipping_cuts_unit_by_unit(network: Network) -> None:
    given, weights = network.gradients(), network.parameters()
    threshold, epsilon = 0.7, 0.5
    options = AdaptiveClipping(threshold=threshold, epsilon=epsilon)
    found, factor = clipped_parameters(options, network)
    kinds = set()
    for name, gradient in given.items():
        if name.startswith("readout"):
            assert np.array_equal(found[name], gradient)
            continue
        units = gradient if gradient.ndim == 2 else gradient[None]
        owners = weights[name] if gradient.ndim == 2 else weights[name][None]
        for unit, owner, cut in zip(units, owners, found[name].reshape(units.shape), strict=True):
            limit = threshold * max(float(np.linalg.norm(owner)), epsilon)
            norm = float(np.linalg.norm(unit))
            expected = unit * (limit / norm) if norm > limit else unit
            np.testing.assert_allclose(cut, expected, rtol=1e-13)
            kinds.add((norm > limit, np.linalg.norm(owner) > epsilon))
    # Units that are cut and units that are not, with small weights and with large ones.
    assert len(kinds) >= 3
    assert factor == pytest.approx(length(found) / length(given), rel=1e-12)


def test_adaptive_clipping_follows_the_weights(network: Network) -> None:
    options = AdaptiveClipping(threshold=0.01)
    before = length(clipped_parameters(options, network)[0])
    network.flat *= 10
    assert length(clipped_parameters(options, network)[0]) > before


@pytest.mark.torch
def test_adaptive_clipping_is_the_published_rule_on_tensors(network: Network) -> None:
    import torch

    def unit_norms(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.ndim == 1:
            return torch.linalg.vector_norm(tensor)
        return torch.linalg.vector_norm(tensor, dim=1, keepdim=True)

    found, _ = clipped_parameters(AdaptiveClipping(threshold=0.3), network)
    for name, values in network.parameters().items():
        if name.startswith("readout"):
            continue
        gradient = torch.tensor(network.gradients()[name])
        most = 0.3 * unit_norms(torch.tensor(values)).clamp_min(1e-3)
        norms = unit_norms(gradient)
        expected = torch.where(norms > most, gradient * (most / norms), gradient)
        # A GRU's fixed zeros have norm 0 and are divided by nothing that counts.
        expected = torch.nan_to_num(expected)
        np.testing.assert_allclose(found[name], expected.numpy(), rtol=1e-12)
