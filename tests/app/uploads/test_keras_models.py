"""Models saved by Keras itself: recognised, with Keras' own outputs and gradients."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

torch = pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

import engine  # noqa: E402  # after importorskip
from app.main import create_app  # noqa: E402
from app.settings import Settings  # noqa: E402
from app.store import open_store  # noqa: E402
from tests.app.api.conftest import serving, settings_of  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

T, B, D, H, K = 6, 4, 3, 5, 2
SINGLE = 1e-5  # Keras computes in float32, and its sums have some ten terms
CELLS = {"SimpleRNN": "elman", "LSTM": "lstm", "GRU": "gru"}
GATES_OF_GRU = (1, 0, 2)  # z, r, h of Keras are these of r, z, n
Array = NDArray[Any]


def layer(kind: str, width: int = H, **options: Any) -> Any:  # noqa: ANN401  # of Keras
    return getattr(keras.layers, kind)(width, **{"return_sequences": True, **options})


def twice(inner: Any) -> Any:  # noqa: ANN401  # of Keras
    return keras.layers.Bidirectional(inner)


BODIES: dict[str, Callable[[str], list[Any]]] = {
    "one": lambda kind: [layer(kind)],
    "two": lambda kind: [layer(kind), layer(kind)],
    "both ways": lambda kind: [twice(layer(kind))],
    "two both ways": lambda kind: [twice(layer(kind)), twice(layer(kind))],
    "without bias": lambda kind: [layer(kind, use_bias=False)],
    "as wide as the inputs": lambda kind: [layer(kind, D), layer(kind, D)],
    "as wide, both ways": lambda kind: [twice(layer(kind, D))],
    "cells in a stack": lambda kind: [
        keras.layers.RNN(
            [getattr(keras.layers, f"{kind}Cell")(H) for _ in range(2)], return_sequences=True
        )
    ],
}


def model_of(layers: list[Any], *, bias: bool = True) -> Any:  # noqa: ANN401  # of Keras
    """Return a model with weights that are all different."""
    keras.utils.set_random_seed(7)
    model = keras.Sequential([keras.Input((T, D)), *layers, keras.layers.Dense(K, use_bias=bias)])
    rng = np.random.default_rng(7)
    model.set_weights([rng.normal(size=w.shape) / 2 for w in model.get_weights()])
    return model


def as_npz(model: Any, folder: Path) -> Path:  # noqa: ANN401  # of Keras
    np.savez(folder / "model.npz", *model.get_weights())
    return folder / "model.npz"


def as_safetensors(model: Any, folder: Path) -> Path:  # noqa: ANN401  # of Keras
    path = folder / "model.safetensors"
    save_file({w.path: np.ascontiguousarray(w.numpy()) for w in model.weights}, path)
    return path


async def uploaded(settings: Settings, path: Path, query: str = "") -> tuple[dict[str, Any], Any]:
    """Return what was recognised in an uploaded file, and the weights in the engine's names."""
    async with serving(create_app(settings)) as client:
        answer = await client.post(f"/api/v1/models?{query}", content=path.read_bytes())
        assert answer.status_code == 201, answer.text
        found = answer.json()
    store = open_store(settings)
    weights = {name: each.copy() for name, each in store.uploads.tensors(found["id"]).items()}
    store.close()
    return found["description"], weights


def of_keras(model: Any, x: Array, pull: Array) -> tuple[Array, Array, list[Array]]:  # noqa: ANN401
    """Return outputs, and what a gradient at them is at the inputs and at every weight."""
    inputs = torch.tensor(x.transpose(1, 0, 2).astype("f4"), requires_grad=True)
    outputs = model(inputs)
    whole = outputs[:, None] if outputs.ndim == 2 else outputs
    (whole * torch.tensor(pull.transpose(1, 0, 2).astype("f4"))).sum().backward()
    grads = [weight.value.grad.numpy() for weight in model.trainable_weights]
    return whole.detach().numpy().transpose(1, 0, 2), turned(inputs.grad.numpy()), grads


def turned(values: Array) -> Array:
    return values.transpose(1, 0, 2)


def in_keras_order(told: dict[str, Any], mine: dict[str, Array], *, gru: bool) -> list[Array]:
    """Return gradients in the engine's names as those of Keras' weights, in Keras' order."""

    def blocks(rows: Array) -> Array:
        parts = np.split(rows, 3) if gru else [rows]
        return np.concatenate([parts[g] for g in GATES_OF_GRU] if gru else parts)

    found = []
    ways = ("", "_reverse") if told["model"]["bidirectional"] else ("",)
    for number in range(told["model"]["layers"]):
        for way in ways:
            end = f"_l{number}{way}"
            found += [blocks(mine[f"weight_{part}{end}"]).T for part in ("ih", "hh")]
            if gru:
                found.append(np.stack([blocks(mine[f"bias_{p}{end}"]) for p in ("ih", "hh")]))
            else:
                found.append(blocks(mine[f"bias_ih{end}"]))
    return [*found, mine["readout.weight"].T, mine["readout.bias"]]


def swept(told: dict[str, Any], weights: dict[str, Array], x: Array, pull: Array) -> engine.Trace:
    model = told["model"]
    given = dict(weights)
    if model["cell"] == "gru" and model["options"].get("reset", "after") == "after":
        for name in [name for name in given if name.startswith("bias_ih")]:
            given.setdefault(name.replace("_ih", "_hh"), np.zeros_like(given[name]))
    return engine.trace(
        model["cell"],
        given,
        x,
        output_gradients=pull,
        reduction="sum",
        options={**model["options"], "activation": model["activation"]},
    )


def require_close(mine: Array, theirs: Array) -> None:
    assert mine.shape == theirs.shape
    np.testing.assert_allclose(mine, theirs, atol=SINGLE * max(1.0, np.abs(theirs).max()), rtol=0)


SAVED = [
    *((body, as_npz) for body in BODIES),
    *((body, as_safetensors) for body in ("two", "two both ways")),
]


@pytest.mark.parametrize(("body", "save"), SAVED)
@pytest.mark.parametrize("kind", CELLS)
async def test_a_model_saved_by_keras_computes_and_learns_as_in_keras(
    kind: str, body: str, save: Callable[[Any, Path], Path], tmp_path: Path
) -> None:
    model, rng = model_of(BODIES[body](kind)), np.random.default_rng(3)
    told, weights = await uploaded(settings_of(tmp_path / "data"), save(model, tmp_path))
    assert (told["source"], told["model"]["cell"]) == ("keras", CELLS[kind])
    assert (told["inputs"], told["outputs"], told["left_out"]) == (D, K, [])
    x, pull = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, K))
    outputs, at_inputs, at_weights = of_keras(model, x, pull)
    trace = swept(told, weights, x, pull)
    require_close(trace.outputs, outputs)
    require_close(trace.input_gradients, at_inputs)
    if body == "without bias":  # Keras has no such weights, and the engine's are zeros
        return
    mine = in_keras_order(told, trace.parameter_gradients, gru=kind == "GRU")
    for ours, theirs in zip(mine, at_weights, strict=True):
        require_close(ours, theirs)


@pytest.mark.parametrize("kind", CELLS)
async def test_a_model_that_answers_at_the_last_step_alone_is_the_same_network(
    kind: str, tmp_path: Path
) -> None:
    model, rng = model_of([layer(kind, return_sequences=False)]), np.random.default_rng(3)
    told, weights = await uploaded(settings_of(tmp_path / "data"), as_npz(model, tmp_path))
    x, last = rng.normal(size=(T, B, D)), rng.normal(size=(1, B, K))
    outputs, at_inputs, _ = of_keras(model, x, last)
    trace = swept(told, weights, x, np.concatenate([np.zeros((T - 1, B, K)), last]))
    require_close(trace.outputs[-1:], outputs)
    require_close(trace.input_gradients, at_inputs)


async def test_what_the_weights_do_not_tell_is_told_beside_them(tmp_path: Path) -> None:
    model, rng = model_of([layer("SimpleRNN", activation="relu")]), np.random.default_rng(3)
    path, settings = as_npz(model, tmp_path), settings_of(tmp_path / "data")
    told, weights = await uploaded(settings, path, "activation=relu&name=mine")
    x, pull = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, K))
    outputs, at_inputs, _ = of_keras(model, x, pull)
    trace = swept(told, weights, x, pull)
    require_close(trace.outputs, outputs)
    require_close(trace.input_gradients, at_inputs)


async def refusal(settings: Settings, path: Path) -> str:
    async with serving(create_app(settings)) as client:
        answer = await client.post("/api/v1/models", content=path.read_bytes())
        assert (answer.status_code, (await client.get("/api/v1/models")).json()["items"]) == (
            422,
            [],
        )
    return str(answer.json())


@pytest.mark.parametrize("both", [False, True])
async def test_what_may_be_a_stack_or_both_ways_is_not_guessed(both: bool, tmp_path: Path) -> None:
    inner = [twice(layer("LSTM", D))] if both else [layer("LSTM", D), layer("LSTM", D)]
    model = keras.Sequential([keras.Input((T, D)), *inner])
    settings = settings_of(tmp_path / "data")
    assert "may be a stack" in await refusal(settings, as_npz(model, tmp_path))
    told, _ = await uploaded(settings, as_safetensors(model, tmp_path))
    assert told["model"]["bidirectional"] == both
    assert told["model"]["layers"] == (1 if both else 2)


async def test_layers_whose_names_tell_no_order_are_refused(tmp_path: Path) -> None:
    model = model_of([layer("GRU", name="upper"), layer("GRU", name="lower")])
    settings = settings_of(tmp_path / "data")
    told = await refusal(settings, as_safetensors(model, tmp_path))
    assert "which layer comes first" in told
    assert (await uploaded(settings, as_npz(model, tmp_path)))[0]["model"]["layers"] == 2
