"""Remedies are configurations that can be run, and patches that make them."""

import itertools

import numpy as np
import pytest

from engine import RunConfig, apply_patch, remedies_for
from engine.cells import CELLS
from engine.diagnosis.cures import CURES
from engine.diagnosis.merge_patch import patch_between
from engine.initializers import INITIALIZERS

TASK = {"kind": "adding", "length": 30}
SIGMOID = {"cell": "elman", "activation": "sigmoid"}
ENOUGH = 2
OPTIMIZERS = ("sgd", "rmsprop", "adagrad", "adam", "adamw")
CLIPPINGS: tuple[dict[str, object] | None, ...] = (
    None,
    {"kind": "norm", "threshold": 1.0},
    {"kind": "value", "threshold": 0.5},
    {"kind": "adaptive"},
)


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
        {"cell": "indrnn", "activation": "relu"},
        {"cell": "antisymmetric", "activation": None},
    ],
    ids=lambda model: f"{model['cell']}-{len(str(model))}",
)
def test_every_remedy_is_a_configuration_and_its_patch_makes_it(
    kind: str, model: dict[str, object]
) -> None:
    config = config_of(**model)
    remedies = remedies_for(config, (kind,))
    assert bool(remedies) == (kind != "truncated"), "none of these is truncated"
    for remedy in remedies:
        made = RunConfig.from_dict(apply_patch(config.to_dict(), remedy.patch))
        assert made.to_dict() == remedy.config
        assert made != config


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_cell_with_every_optimizer_has_remedies_that_are_accepted(
    cell: str, optimizer: str
) -> None:
    """Every clipping and kind of trouble in turn, so that each meets each cell and optimizer."""
    turn = list(CELLS).index(cell) + list(OPTIMIZERS).index(optimizer)
    kinds = list(CURES)
    accepted(cell, optimizer, CLIPPINGS[turn % len(CLIPPINGS)], kinds[turn % len(kinds)])


@pytest.mark.long
@pytest.mark.parametrize("clipping", CLIPPINGS, ids=str)
@pytest.mark.parametrize("kind", list(CURES))
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_remedy_of_every_network_is_accepted(
    cell: str, optimizer: str, kind: str, clipping: dict[str, object] | None
) -> None:
    accepted(cell, optimizer, clipping, kind)


def accepted(cell: str, optimizer: str, clipping: dict[str, object] | None, kind: str) -> None:
    """Hold the remedies of one network to being configurations that can be run."""
    config = RunConfig.from_dict(
        {
            "task": TASK,
            "model": {"cell": cell},
            "training": {"optimizer": {"kind": optimizer}, "clipping": clipping},
        }
    )
    found = remedies_for(config, (kind,))
    # Without a window or a threshold there is none to widen.
    assert len(found) >= (0 if kind in ("truncated", "clipped_always") else 1)
    for remedy in found:
        made = RunConfig.from_dict(apply_patch(config.to_dict(), remedy.patch))
        assert made.to_dict() == remedy.config


@pytest.mark.parametrize(
    ("optimizer", "rate", "wanted", "size"),
    [
        ("sgd", 1000.0, 0.1, "10,000 times smaller"),
        ("sgd", 1.0, 0.1, "a tenth as large"),
        ("adam", 1.0, 0.01, "100 times smaller"),
        ("adam", 0.01, 0.001, "a tenth as large"),
    ],
)
@pytest.mark.parametrize("kind", ["exploding", "dead_units"])
def test_a_smaller_learning_rate_is_one_that_can_train(
    kind: str, optimizer: str, rate: float, wanted: float, size: str
) -> None:
    config = RunConfig.from_dict(
        {
            "task": TASK,
            "model": SIGMOID,
            "training": {"optimizer": {"kind": optimizer, "learning_rate": rate}},
        }
    )
    found = {remedy.title: remedy for remedy in remedies_for(config, (kind,))}
    remedy = found["a smaller learning rate"]
    assert RunConfig.from_dict(remedy.config).training.optimizer.learning_rate == pytest.approx(
        wanted
    )
    assert size in remedy.why


@pytest.mark.parametrize(("rate", "offered"), [(0.01, True), (1000.0, False)])
def test_a_rate_that_is_large_already_is_not_made_larger(rate: float, offered: bool) -> None:
    config = RunConfig.from_dict(
        {
            "task": TASK,
            "model": SIGMOID,
            "training": {"optimizer": {"kind": "sgd", "learning_rate": rate}},
        }
    )
    titles = [remedy.title for remedy in remedies_for(config, ("not_learning",))]
    assert ("a larger learning rate" in titles) == offered


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
                    "a spectral radius under 1",
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


def test_a_cause_in_the_slope_puts_the_weights_last_and_says_why() -> None:
    found = remedies_for(config_of(), ("vanishing",), "slope")
    assert found[0].title == "tanh"
    assert found[-1].title == "orthogonal weights"
    assert "may change nothing" in found[-1].why


@pytest.mark.parametrize("cell", ["indrnn", "min_gru", "orthogonal", "antisymmetric"])
@pytest.mark.parametrize("kind", ["vanishing", "exploding", "saturated", "dead_units"])
def test_weights_that_no_initializer_draws_are_no_remedy(cell: str, kind: str) -> None:
    for remedy in remedies_for(config_of(cell=cell, activation=None), (kind,), "weights"):
        model = remedy.config["model"]
        assert isinstance(model, dict)
        assert model["cell"] != cell or model["initializer"] == {"kind": "pytorch", "gain": 1.0}


@pytest.mark.parametrize("kind", ["vanishing", "exploding"])
def test_an_lstm_is_no_remedy_for_an_lstm(kind: str) -> None:
    config = config_of(cell="lstm", activation=None)
    assert "LSTM" not in [remedy.title for remedy in remedies_for(config, (kind,))]


@pytest.mark.parametrize("name", INITIALIZERS)
def test_smaller_input_weights_are_smaller_whatever_drew_them(name: str) -> None:
    config = config_of(input_initializer={"kind": name})
    found = remedies_for(config, ("saturated",))
    remedy = next(each for each in found if each.title == "smaller input weights")
    drawn = [
        run.model.start().inputs.input_block(np.random.default_rng(0), (64, 2))
        for run in (config, RunConfig.from_dict(remedy.config))
    ]
    np.testing.assert_allclose(drawn[1], 0.1 * drawn[0], rtol=1e-12)  # one product's rounding


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


def test_another_network_than_the_uploaded_one_is_drawn_anew() -> None:
    config = config_of(from_model="m1")
    found = [*remedies_for(config, ("vanishing",)), *remedies_for(config, ("not_learning",))]
    kept = {each.title: each.config["model"]["from_model"] for each in found}  # type: ignore[index]  # an object
    assert kept["LSTM"] is None
    assert kept["Adam"] == "m1"
