"""Only the targets that are asked for count: the others may be infinite, or no numbers."""

from typing import Any

import numpy as np
import pytest

import engine
from engine.arrays import Array, BoolArray
from engine.bptt.network import Network
from engine.bptt.readout import Readout
from engine.cells import make_cell
from engine.compiled import SWITCH
from engine.tasks.base import Batch, LossName
from engine.tasks.losses import LOSSES

STEPS, HIDDEN, SAMPLES = 5, 4, 3
UNASKED = 2, 1
ODD = [np.nan, np.inf, -np.inf]


def read_out(targets: Array, mask: BoolArray, rng: np.random.Generator) -> dict[str, Any]:
    """Return what a read-out of random states finds and hands back."""
    outputs = targets.shape[2]
    network = Network(make_cell("elman"), inputs=1, hidden=HIDDEN, outputs=outputs)
    network.flat[...] = rng.standard_normal(network.flat.size)
    states = rng.standard_normal((STEPS + 1, HIDDEN, SAMPLES)).astype(np.float32)
    batch = Batch(np.zeros((STEPS, SAMPLES, 1), np.float32), targets, mask)
    readout = Readout(network)
    loss = readout.forward(states, batch, "mean_squared_error", "mean")
    direct, _, ordinary = readout.backward()
    return {
        "loss": loss,
        "dy": readout.dy.tolist(),
        "gradient": network.readout_gradient.tolist(),
        "direct": direct.tolist(),
        "ordinary": ordinary,
    }


def problem(outputs: int) -> tuple[Array, BoolArray]:
    """Return targets and a mask that asks for all but one of them, and at one step for none."""
    mask = np.ones((STEPS, SAMPLES), bool)
    mask[UNASKED], mask[4] = False, False
    return np.zeros((STEPS, SAMPLES, outputs), np.float32), mask


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("switch", ["0", "1"], ids=["plain", "compiled"])
def test_a_target_that_nobody_asks_for_counts_for_nothing(
    switch: str, outputs: int, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, switch)
    targets, mask = problem(outputs)
    ordinary = read_out(targets, mask, np.random.default_rng(1))
    targets[UNASKED] = targets[4] = value
    assert read_out(targets, mask, np.random.default_rng(1)) == ordinary
    assert np.isfinite(ordinary["loss"].value)


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("switch", ["0", "1"], ids=["plain", "compiled"])
def test_one_that_is_asked_for_is_not_left_out(
    switch: str, value: float, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setenv(SWITCH, switch)
    targets, mask = problem(3)
    targets[0, 0, 1] = value
    found = read_out(targets, mask, rng)
    assert not np.isfinite(found["loss"].value)
    assert not np.isfinite(np.array(found["gradient"])).all()
    assert not found["ordinary"]


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_an_output_that_is_no_number_counts_for_nothing_where_nobody_asks(
    name: str, rng: np.random.Generator
) -> None:
    y = rng.standard_normal((1, 2, SAMPLES))
    y[0, :, 1] = np.nan
    targets = np.zeros((1, SAMPLES), int) if name == "cross_entropy" else np.zeros_like(y)
    raw = LOSSES[name](y, targets, np.array([[True, False, True]]))
    assert (raw.losses[0] > 0).tolist() == [True, False, True]
    assert (np.abs(raw.gradient).max(axis=1)[0] > 0).tolist() == [True, False, True]


def told(targets: Array, mask: BoolArray, loss: LossName, sample: int | None) -> dict[str, Any]:
    """Return what a trace says of one batch, and of a term of its gradient."""
    rng = np.random.default_rng(2)
    shapes = {"weight_ih_l0": (HIDDEN, 1), "weight_hh_l0": (HIDDEN, HIDDEN)}
    weights = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    weights["readout.weight"] = rng.standard_normal((2, HIDDEN))
    # So far apart that the probability of class 0 is zero, and what is divided by it infinite.
    weights["readout.bias"] = np.array([0.0, 2000.0])
    inputs = rng.standard_normal((STEPS, SAMPLES, 1))
    trace = engine.trace("elman", weights, inputs, targets=targets, mask=mask, loss=loss)
    chain = trace.chain(3, 2, "weight_hh_l0", sample=sample)
    return {
        "loss": trace.loss,
        "gradient": trace.parameter_gradients["weight_hh_l0"].tolist(),
        "norms": trace.statistic("output_gradient_norm").tolist(),
        "chain": [(each.log10_norm, each.left_out, str(each.value)) for each in chain.factors],
        "term": (chain.log10_norm, str(chain.value)),
    }


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("sample", [None, UNASKED[1]])
def test_a_trace_and_its_terms_leave_them_out(value: float, sample: int | None) -> None:
    targets, mask = problem(2)
    ordinary = told(targets, mask, "mean_squared_error", sample)
    targets[UNASKED] = value
    assert told(targets, mask, "mean_squared_error", sample) == ordinary
    assert "nan" not in str(ordinary)


def test_a_class_that_nobody_asks_for_may_have_no_probability() -> None:
    _, mask = problem(2)
    classes = np.where(mask, 1, 0)
    loss_by_prediction = told(classes, mask, "cross_entropy", UNASKED[1])["chain"][0]
    assert loss_by_prediction == (-np.inf, 1, "[[0. 0.]]")
