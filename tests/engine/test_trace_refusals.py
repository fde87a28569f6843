"""What `trace` refuses, and what it says of it: each with the name, what it expected and got."""

from typing import Any

import numpy as np
import pytest

import engine
from engine.errors import EngineError

T, B, D, H, K = 3, 2, 2, 4, 2
INPUTS = np.ones((T, B, D))
CLASSES = np.zeros((T, B), int)
PARAMETERS = {
    "weight_ih_l0": np.ones((H, D)),
    "weight_hh_l0": np.ones((H, H)),
    "readout.weight": np.ones((K, H)),
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown cell": ({"cell": "none"}, "unknown cell 'none'"),
    "inputs of two axes": ({"inputs": INPUTS[0]}, r"inputs: expected shape \(T, B, D\)"),
    "no time": ({"inputs": INPUTS[:0]}, r"inputs: .* got \(0, 2, 2\)"),
    "no sample": ({"inputs": INPUTS[:, :0]}, r"inputs: .* got \(3, 0, 2\)"),
    "no feature": ({"inputs": INPUTS[:, :, :0]}, r"inputs: .* got \(3, 2, 0\)"),
    "no unit": ({"weight_hh_l0": np.ones((0, 0))}, r"weight_hh_l0: expected .* shape \(0, 0\)"),
    "a number for weights": ({"weight_hh_l0": 1.0}, r"weight_hh_l0: expected .* got shape \(\)"),
    "weights of other units": ({"weight_ih_l0": np.ones((5, 2))}, r"\(4, 2\), got \(5, 2\)"),
    "an unknown parameter": ({"weight_zz_l0": np.ones(1)}, "unknown parameter 'weight_zz_l0'"),
    "a read-out of one axis": ({"readout.weight": np.ones(4)}, r"readout.weight: .*\(K, H\)"),
    "a read-out of nothing": ({"readout.weight": np.ones((0, 4))}, r"got \(0, 4\)"),
    "an unknown loss": ({"loss": "hinge"}, "unknown loss 'hinge'; known: cross_entropy"),
    "an unknown reduction": ({"reduction": "median"}, "unknown reduction 'median'; known: mean"),
    "an unknown option": ({"options": {"depth": 3}}, 'unknown key "depth"'),
    "nothing to go back from": ({"targets": None}, "expected targets, output_gradients or final"),
    "targets and gradients": ({"output_gradients": np.ones((T, B, K))}, "got both"),
    "targets of another shape": ({"targets": CLASSES[:2]}, r"targets: expected shape \(3, 2\)"),
    "a share of a class": ({"targets": CLASSES + 0.5}, "targets: expected class .* got 0.5"),
    "NaN for a class": ({"targets": CLASSES + np.nan}, "targets: expected class .* got nan"),
    "a word for a class": ({"targets": CLASSES.astype(str)}, "targets: expected class .* got <U"),
    "a class too many": ({"targets": CLASSES + K}, "class numbers in 0 … 1, got 2"),
    "a class of -1": ({"targets": CLASSES - 1}, "class numbers in 0 … 1, got -1"),
    "nothing asked": ({"mask": np.zeros((T, B))}, "mask: expected at least one asked step"),
    "a mask of another shape": ({"mask": np.ones(T)}, r"mask: expected shape \(3, 2\), got \(3,\)"),
    "a window of no step": ({"truncation": 0}, "truncation: expected at least 1 step, got 0"),
    "two states of one": ({"initial_state": (1, 1)}, "initial_state: expected h, got 2 arrays"),
    "a state of another shape": ({"initial_state": np.ones(H)}, r"initial_state h: expected"),
    "gradients of another shape": (
        {"targets": None, "output_gradients": np.ones((T, B))},
        r"output_gradients: expected shape \(3, 2, 2\)",
    ),
    "an unknown statistic": ({"statistics": ["mood"]}, "unknown statistic of a sweep 'mood'"),
    "a training's statistic": ({"statistics": ["clip_factor"]}, "unknown statistic of a sweep"),
}


def traced(**changed: Any) -> engine.Trace:  # noqa: ANN401  # arguments of `trace`
    """Trace a plain network with some of its parameters or of the call's arguments changed."""
    own = {name: value for name, value in changed.items() if "weight" in name}
    said = {"cell": "elman", "inputs": INPUTS, "targets": CLASSES, **changed}
    call = {name: value for name, value in said.items() if name not in own}
    return engine.trace(call.pop("cell"), PARAMETERS | own, **call)


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_traced_is_refused_with_the_reason(case: str) -> None:
    changed, message = REFUSED[case]
    with pytest.raises(EngineError, match=message):
        traced(**changed)


@pytest.mark.parametrize("unasked", [-1, K, 0.5, np.nan])
def test_targets_that_are_not_asked_may_be_anything(unasked: float) -> None:
    mask = np.ones((T, B), bool)
    mask[1] = False
    given = traced(targets=np.where(mask, CLASSES, unasked), mask=mask)
    plain = traced(mask=mask)
    assert given.loss == plain.loss
    for name, gradient in plain.parameter_gradients.items():
        np.testing.assert_array_equal(given.parameter_gradients[name], gradient)
