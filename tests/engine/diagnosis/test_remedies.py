"""Remedies are configurations that can be run, and patches that make them."""

import itertools

import pytest

from engine import RunConfig, apply_patch, remedies_for
from engine.diagnosis.cures import CURES
from engine.diagnosis.merge_patch import patch_between

TASK = {"kind": "adding", "length": 30}
SIGMOID = {"cell": "elman", "activation": "sigmoid"}
ENOUGH = 2


def config_of(**model: object) -> RunConfig:
    return RunConfig.from_dict({"task": TASK, "model": {**SIGMOID, **model}})


@pytest.mark.parametrize("kind", list(CURES))
@pytest.mark.parametrize(
    "model",
    [
        {"cell": "elman", "activation": "sigmoid"},
        {"cell": "elman", "activation": {"kind": "leaky_relu", "slope": 0.2}},
        {"cell": "elman", "activation": "relu", "spectral_radius": 0.5},
        {"cell": "lstm", "activation": None, "forget_bias": 1.0},
        {"cell": "gru", "activation": None},
    ],
    ids=lambda model: f"{model['cell']}-{len(str(model))}",
)
def test_every_remedy_is_a_configuration_and_its_patch_makes_it(
    kind: str, model: dict[str, object]
) -> None:
    config = config_of(**model)
    for remedy in remedies_for(config, (kind,)):
        made = RunConfig.from_dict(apply_patch(config.to_dict(), remedy.patch))
        assert made.to_dict() == remedy.config
        assert made != config


@pytest.mark.parametrize(
    ("kind", "title"),
    list(
        itertools.chain(
            itertools.product(
                ["vanishing"],
                ["tanh", "ReLU and the identity matrix", "orthogonal weights", "LSTM"],
            ),
            itertools.product(
                ["exploding", "diverged"],
                [
                    "smaller recurrent weights",
                    "a smaller learning rate",
                    "orthogonal weights",
                    "LSTM",
                ],
            ),
        )
    ),
)
def test_the_remedies_of_the_literature_are_offered(kind: str, title: str) -> None:
    assert title in [remedy.title for remedy in remedies_for(config_of(), (kind,))]


def test_a_cause_in_the_weights_puts_the_weights_first() -> None:
    config = config_of(activation="tanh")
    titles = [remedy.title for remedy in remedies_for(config, ("vanishing",), "weights")]
    assert titles.index("orthogonal weights") < titles.index("ReLU and the identity matrix")


def test_a_cause_in_the_slope_puts_the_activation_first() -> None:
    titles = [remedy.title for remedy in remedies_for(config_of(), ("vanishing",), "slope")]
    assert titles.index("tanh") < titles.index("orthogonal weights")


def test_a_healthy_run_gets_no_remedy() -> None:
    assert remedies_for(config_of(), ("healthy",)) == ()


def test_a_remedy_that_the_run_has_already_is_not_offered() -> None:
    config = config_of(activation="tanh", initializer={"kind": "orthogonal"})
    titles = [remedy.title for remedy in remedies_for(config, ("vanishing",))]
    assert "orthogonal weights" not in titles
    assert len(titles) >= ENOUGH


def test_a_patch_nulls_the_keys_that_the_new_kind_lacks() -> None:
    old = {"optimizer": {"kind": "sgd", "momentum": 0.9}}
    new = {"optimizer": {"kind": "adam", "beta1": 0.8}}
    patch = patch_between(old, new)
    assert patch == {"optimizer": {"kind": "adam", "beta1": 0.8, "momentum": None}}
    assert apply_patch(old, patch) == new
