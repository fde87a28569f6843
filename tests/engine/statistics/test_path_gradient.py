"""Norms of path terms are those of the signed terms, however the samples cancel."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.observation import Observation
from engine.cells import CELLS
from engine.statistics import STATISTICS
from engine.tracing import Trace, trace

Observe = Callable[..., Observation]
EXACT = 1e-9  # Grams in float64 keep nine digits down to where the sum itself is formed


def compute(observation: Observation) -> Array:
    function = STATISTICS["path_gradient"].compute
    assert function is not None
    return np.asarray(function(observation))


def traced(seen: Observation) -> Trace:
    """Trace what was observed."""
    name = seen.cell.activation.name
    return trace(
        seen.cell.name,
        seen.network.parameters(),
        seen.batch.inputs,
        targets=seen.batch.targets,
        mask=seen.batch.mask,
        loss="mean_squared_error",
        options={"activation": name} if CELLS[seen.cell.name].activation_choice else {},
    )


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("asked", [(6,), (2, 3, 6)])
@pytest.mark.parametrize("cell", CELLS)
def test_path_norms_are_those_of_the_terms(
    observe: Observe, cell: str, asked: Sequence[int], layers: int
) -> None:
    seen = observe(cell, length=6, layers=layers, asked=asked)
    ours, signed = compute(seen), traced(seen)
    for index, name in enumerate(seen.network.parameter_shapes):
        terms = signed.path_terms(name)
        if name.startswith("bias_hh"):  # of which the last block alone is a parameter here
            terms = terms[..., -4:]
        norms = np.sqrt((terms.reshape(6, 6, -1) ** 2).sum(axis=-1))
        defined = ~np.isnan(ours[index])
        expected = np.eye(6, dtype=bool) if name.startswith("readout") else np.tri(6, dtype=bool)
        assert (defined == expected).all()
        np.testing.assert_allclose(10 ** ours[index][defined], norms[defined], rtol=EXACT)


def test_samples_that_cancel_are_summed_and_not_only_measured(observe: Observe) -> None:
    """Two samples whose gradients are opposite but for one part in a million."""
    seen = observe(length=4, size=2, dtype="float32")
    inputs, targets = seen.batch.inputs, seen.batch.targets
    inputs[:, 1], targets[:, 1] = inputs[:, 0], targets[:, 0]
    twice = Observation(seen.network, seen.batch, "mean_squared_error")
    whole = compute(twice)
    outputs = traced(twice).outputs
    targets[:, 1] = 2 * outputs[:, 0] - targets[:, 0] * (1 - 1e-6)
    cancelling = Observation(seen.network, seen.batch, "mean_squared_error")
    found, exact = compute(cancelling), traced(cancelling)
    terms = exact.path_terms("weight_hh_l0")[3, 1:]
    norms = np.log10(np.linalg.norm(terms.reshape(3, -1), axis=1))
    # float32 keeps seven digits of the gradients, of which the difference takes six.
    np.testing.assert_allclose(found[1, 3, 1:], norms, atol=0.5)
    assert (found[1, 3, 1:] < whole[1, 3, 1:] - 4).all()


def test_without_recurrent_weights_there_are_no_far_terms(observe: Observe) -> None:
    seen = observe(activation="identity", weights={"weight_hh_l0": np.zeros((4, 4))}, asked=(3, 7))
    found = compute(seen)
    index = list(seen.network.parameter_shapes).index("weight_ih_l0")
    assert np.isneginf(found[index, 6, :6]).all()
    assert np.isfinite(found[index, 6, 6])
    assert np.isneginf(found[index, 4, :5]).all()  # nothing is asked at 5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_path_norms_never_underflow(observe: Observe, dtype: str, rng: np.random.Generator) -> None:
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    weights = {"weight_hh_l0": 0.01 * rotation}
    seen = observe(activation="identity", length=200, weights=weights, dtype=dtype)
    found = compute(seen)[0, -1]
    assert found[0] < found[-1] - 390  # hundredths to the 199th, times inputs of ordinary size
    assert np.isfinite(found).all()
