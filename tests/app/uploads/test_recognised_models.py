"""Uploaded weights make the network that they came from: the same outputs as PyTorch's own."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save

import engine
from app.uploads.errors import UploadError
from app.uploads.models import read_model
from app.uploads.recognised import Wanted
from engine.bptt.sweep import Sweep
from engine.tasks import Batch
from tests.app.store.stored_runs import new_store

torch = pytest.importorskip("torch")
LIMIT = 10**8
Arrays = dict[str, NDArray[Any]]


def recognised(tmp_path: Path, content: bytes, **wanted: str) -> tuple[str, dict[str, Any], Arrays]:
    """Return the cell, the description and the weights of an uploaded file."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    with target.open("wb") as file:
        cell, told = read_model(source, file, Wanted(**wanted), LIMIT)
    store = new_store(tmp_path / "data")
    weights = {name: array.copy() for name, array in store.uploads.mapped(target).items()}
    store.close()
    return cell, told, weights


def traced(told: dict[str, Any], weights: Arrays, inputs: NDArray[Any]) -> NDArray[Any]:
    """Return the read-out's outputs (T, B, K) of a network of these weights."""
    config = engine.RunConfig.from_dict(
        {
            "task": {"kind": "arrays"},
            "model": told["model"],
            "training": {"steps": 0, "batch_size": 1, "precision": "float64"},
        }
    )
    T, B, _ = inputs.shape
    data = {"inputs": inputs.transpose(1, 0, 2), "targets": np.zeros((B, T, told["outputs"]))}
    (snapshot,) = engine.train(config, data=data, initial=weights)
    sweep = Sweep(snapshot.network, length=T, batch=B)
    batch = Batch(inputs, np.zeros((T, B, told["outputs"])), np.ones((T, B), np.bool_))
    sweep.forward(batch, "mean_squared_error")
    # The derivative of the squared error at targets of zero is 2y/K: the outputs themselves.
    found: NDArray[Any] = sweep.readout.dy.transpose(0, 2, 1) * (told["outputs"] / 2)
    return found


KINDS = ["RNN", "LSTM", "GRU"]
CELLS = {"RNN": "elman", "LSTM": "lstm", "GRU": "gru"}
"""PyTorch's class, and the cell that it is."""


@pytest.mark.torch
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_pytorch_network_computes_what_it_computed(
    tmp_path: Path, kind: str, layers: int, bidirectional: bool
) -> None:
    torch.manual_seed(layers)
    module = torch.nn.ModuleDict(
        {
            "body": getattr(torch.nn, kind)(3, 5, layers, bidirectional=bidirectional),
            "head": torch.nn.Linear(10 if bidirectional else 5, 2),
        }
    ).double()
    state = {f"model.{name}": value.numpy() for name, value in module.state_dict().items()}
    cell, told, weights = recognised(tmp_path, save(state))
    assert (cell, told["inputs"], told["outputs"]) == (CELLS[kind], 3, 2)
    assert (told["prefix"], told["readout"]) == ("model.body", "model.head")
    assert (told["model"]["layers"], told["model"]["bidirectional"]) == (layers, bidirectional)
    inputs = np.random.default_rng(0).normal(size=(7, 4, 3))
    with torch.no_grad():
        expected = module["head"](module["body"](torch.from_numpy(inputs))[0]).numpy()
    np.testing.assert_allclose(traced(told, weights, inputs), expected, atol=1e-12)


def keras_gru(weights: Arrays, x: NDArray[Any], *, reset_after: bool) -> NDArray[Any]:
    """Return the states of a GRU of Keras' weights, written from Keras' documentation."""
    kernel, recurrent = weights["kernel"], weights["recurrent_kernel"]
    H = len(recurrent)
    bias = weights.get("bias", np.zeros((2, 3 * H) if reset_after else 3 * H))
    into, back = bias if reset_after else (bias, np.zeros(3 * H))

    def logistic(a: NDArray[Any]) -> NDArray[Any]:
        made: NDArray[Any] = 1 / (1 + np.exp(-a))
        return made

    h, found = np.zeros((x.shape[1], H)), []
    for x_t in x:
        read = x_t @ kernel + into
        z, r = (
            logistic(read[:, part] + h @ recurrent[:, part] + back[part])
            for part in (slice(0, H), slice(H, 2 * H))
        )
        last = slice(2 * H, 3 * H)
        if reset_after:
            candidate = np.tanh(read[:, last] + r * (h @ recurrent[:, last] + back[last]))
        else:
            candidate = np.tanh(read[:, last] + (r * h) @ recurrent[:, last])
        h = z * h + (1 - z) * candidate
        found.append(h)
    return np.stack(found)


@pytest.mark.parametrize("form", ["named", "counted"])
@pytest.mark.parametrize("reset_after", [True, False])
def test_a_keras_gru_computes_what_it_computed(
    tmp_path: Path, reset_after: bool, form: str
) -> None:
    rng = np.random.default_rng(1)
    D, H, K = 3, 4, 2
    gru = {
        "kernel": rng.normal(size=(D, 3 * H)),
        "recurrent_kernel": rng.normal(size=(H, 3 * H)),
        "bias": rng.normal(size=(2, 3 * H) if reset_after else 3 * H),
    }
    dense = {"kernel": rng.normal(size=(H, K)), "bias": rng.normal(size=K)}
    if form == "named":
        named = {f"sequential/gru_1/gru_cell/{name}:0": value for name, value in gru.items()}
        content = save({**named, **{f"sequential/dense/{n}": v for n, v in dense.items()}})
    else:
        held = io.BytesIO()
        np.savez(held, *gru.values(), *dense.values())
        content = held.getvalue()
    cell, told, weights = recognised(tmp_path, content)
    assert (cell, told["source"], told["outputs"]) == ("gru", "keras", K)
    assert told["model"]["options"] == {"reset": "after" if reset_after else "before"}
    inputs = rng.normal(size=(6, 4, D))
    states = keras_gru(gru, inputs, reset_after=reset_after)
    expected = states @ dense["kernel"] + dense["bias"]
    np.testing.assert_allclose(traced(told, weights, inputs), expected, atol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize(("layer", "kind"), [("simple_rnn", "RNN"), ("lstm", "LSTM")])
def test_keras_layers_are_pytorchs_turned(tmp_path: Path, layer: str, kind: str) -> None:
    torch.manual_seed(3)
    module = getattr(torch.nn, kind)(3, 4, 2).double()
    state = {name: value.numpy() for name, value in module.state_dict().items()}
    tensors: Arrays = {}
    for number in range(2):
        place = f"{layer}{f'_{number}' if number else ''}/cell"
        bias = state[f"bias_ih_l{number}"] + state[f"bias_hh_l{number}"]
        tensors |= {
            f"{place}/kernel": state[f"weight_ih_l{number}"].T,
            f"{place}/recurrent_kernel": state[f"weight_hh_l{number}"].T,
            f"{place}/bias": bias,
        }
    content = save({name: np.ascontiguousarray(value) for name, value in tensors.items()})
    cell, told, weights = recognised(tmp_path, content)
    _, same, others = recognised(tmp_path, save(state))
    assert (cell, told["outputs"], told["model"]) == (CELLS[kind], None, same["model"])
    assert set(weights) == set(others)
    for name, value in weights.items():
        np.testing.assert_allclose(value, others[name], rtol=1e-15)


def rnn(gates: int = 1) -> Arrays:
    """Return the state_dict of one PyTorch layer."""
    hidden, inputs = 4, 2
    rng = np.random.default_rng(0)
    shapes = {
        "weight_ih_l0": (gates * hidden, inputs),
        "weight_hh_l0": (gates * hidden, hidden),
        "bias_ih_l0": (gates * hidden,),
        "bias_hh_l0": (gates * hidden,),
    }
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


LINEAR = {"fc.weight": np.ones((3, 4)), "out.weight": np.ones((2, 4))}
BODIES = {f"{name}.{key}": value for name in ("encoder", "decoder") for key, value in rnn().items()}


def test_of_several_networks_and_linear_layers_one_can_be_named(tmp_path: Path) -> None:
    content = save({**BODIES, **LINEAR})
    _, told, weights = recognised(tmp_path, content, prefix="decoder", readout="out")
    assert (told["outputs"], weights["readout.weight"].shape) == (2, (2, 4))
    assert weights["readout.bias"].tolist() == [0, 0]
    assert "fc.weight" in told["left_out"]
    _, told, weights = recognised(tmp_path, content, prefix="encoder", readout="none")
    assert (told["outputs"], told["readout"]) == (None, None)
    assert "readout.weight" not in weights


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_precision_weights_are_widened(tmp_path: Path, name: str) -> None:
    state = {key: torch.from_numpy(value).to(getattr(torch, name)) for key, value in rnn().items()}
    from safetensors.torch import save as save_torch

    _, told, weights = recognised(tmp_path, save_torch(state))
    assert told["precision"] == "float32"
    expected = state["weight_hh_l0"].float().numpy()
    assert np.array_equal(weights["weight_hh_l0"], expected)


REFUSED: dict[str, tuple[Arrays, dict[str, str], str]] = {
    "two networks": (BODIES, {}, "2 of a recurrent network: 'decoder', 'encoder'"),
    "another prefix": (BODIES, {"prefix": "x"}, "prefix: no recurrent network 'x'"),
    "two linear layers": (rnn() | LINEAR, {}, "fc.weight, out.weight"),
    "a read-out that does not fit": (
        rnn() | {"fc.weight": np.ones((3, 5))},
        {},
        r"fc.weight: expected shape \(3, 4\), got \(3, 5\)",
    ),
    "no such cell": (rnn(gates=2), {}, "weight_hh_l0: expected G·H rows"),
    "another cell": (rnn(gates=3), {"cell": "lstm"}, "'lstm', these are those of 'gru'"),
    "an activation": (rnn(), {"activation": "sine"}, "unknown activation"),
    "an LSTM's activation": (rnn(gates=4), {"activation": "relu"}, "fixes its activation"),
    "a bias too short": (
        rnn() | {"bias_hh_l0": np.zeros(3)},
        {},
        r"bias_hh_l0: expected shape \(4,\), got \(3,\)",
    ),
    "a layer missing": (
        rnn() | {"weight_ih_l2": np.ones((4, 4))},
        {},
        "weight_ih_l1: expected .* not in the file",
    ),
    "projections": (rnn() | {"weight_hr_l0": np.ones((2, 4))}, {}, "proj_size"),
    "whole numbers": (
        rnn() | {"weight_hh_l0": np.ones((4, 4), np.int64)},
        {},
        "weight_hh_l0: expected floating-point numbers, got int64",
    ),
    "one way back": (
        rnn() | {"weight_ih_l0_reverse": np.ones((4, 2))},
        {},
        "weight_hh_l0_reverse: expected .* not in the file",
    ),
    "a vector": (rnn() | {"weight_hh_l0": np.ones(16)}, {}, "expected a matrix .* shape"),
    "too many units": (
        {"weight_ih_l0": np.ones((4097, 1)), "weight_hh_l0": np.zeros((0, 4097))},
        {},
        "weight_hh_l0: expected G·H",
    ),
    "other names": ({"layer.weight": np.ones((2, 2))}, {}, "expected PyTorch's names"),
    "no recurrent kernel": (
        {"arr_0": np.ones((2, 3)), "arr_1": np.ones(3)},
        {},
        "no recurrent layer",
    ),
    "keras' bias of the way back alone": (
        {
            "forward/kernel": np.ones((2, 3)),
            "forward/recurrent_kernel": np.ones((3, 3)),
            "backward/kernel": np.ones((2, 3)),
            "backward/recurrent_kernel": np.ones((3, 3)),
            "backward/bias": np.ones(3),
        },
        {},
        r"forward/bias: expected \(3,\), but it is not in the file",
    ),
    "keras' odd kernel": (
        {"a/kernel": np.ones((2, 9)), "a/recurrent_kernel": np.ones((3, 8))},
        {},
        "expected G·H",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_said_precisely(tmp_path: Path, case: str) -> None:
    tensors, wanted, message = REFUSED[case]
    with pytest.raises(UploadError, match=message):
        recognised(tmp_path, save(tensors), **wanted)
