"""Keras layers, on Keras' PyTorch backend: watched by a callback while they are fitted."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

from app.capture.keras import WatchCallback  # noqa: E402  # after importorskip
from app.frame_bytes import unpack  # noqa: E402
from engine import CaptureConfig  # noqa: E402
from engine.arrays import Array  # noqa: E402
from engine.watching.frames import Look  # noqa: E402
from tests.app.capture.destinations import Kept, watched_by  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

LAYERS: dict[str, Any] = {
    "rnn": lambda: keras.layers.SimpleRNN(5, activation="relu"),
    "lstm": lambda: keras.layers.LSTM(5),
    "lstm-sequences": lambda: keras.layers.LSTM(5, return_sequences=True),
    "gru": lambda: keras.layers.GRU(5),
    "gru-without-bias": lambda: keras.layers.GRU(5, use_bias=False, return_sequences=True),
}


def model_of(layer: Any) -> Any:  # noqa: ANN401  # of Keras
    flat = [keras.layers.Flatten()] if layer.return_sequences else []
    return keras.Sequential([keras.Input((6, 3)), layer, *flat, keras.layers.Dense(1)])


@pytest.mark.parametrize("name", LAYERS)
def test_a_fitted_layer_is_seen_as_its_own_gradients_say(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    layer = LAYERS[name]()
    model, kept = model_of(layer), Kept()
    callback = WatchCallback(layer, store=tmp_path, every=2)
    watched_by(kept, callback.watcher)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(12, 6, 3)).astype("f4"), rng.normal(size=(12, 1)).astype("f4")
    # Without a rate the weights stay, so the last step's gradients are those of all.
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    model.fit(x[:4], y[:4], batch_size=4, epochs=3, verbose=0, shuffle=False, callbacks=[callback])
    assert [unpack(body).step for body in kept.bodies] == [0, 2]
    look = Look(CaptureConfig.from_dict(kept.config), unpack(kept.bodies[-1]))
    mine = look.parameter_gradients
    for weight, ours in zip(layer.trainable_weights, in_keras_order(name, mine), strict=True):
        own = weight.value.grad.numpy()
        np.testing.assert_allclose(ours, own, atol=1e-5 * np.abs(own).max())


def in_keras_order(name: str, mine: dict[str, Array]) -> list[Array]:
    """Return gradients by PyTorch's names as those of kernel, recurrent kernel and bias."""

    def turned(value: Array) -> Array:
        blocks = np.split(value, 3) if name.startswith("gru") else [value]
        ordered = [blocks[1], blocks[0], blocks[2]] if len(blocks) > 1 else blocks
        return np.concatenate(ordered).T

    found = [turned(mine["weight_ih_l0"]), turned(mine["weight_hh_l0"])]
    if "bias_ih_l0" in mine:
        first, second = turned(mine["bias_ih_l0"]), turned(mine["bias_hh_l0"])
        found.append(np.stack([first, second]) if name.startswith("gru") else first)
    return found


REFUSED: dict[str, Any] = {
    "dropout within": lambda: keras.layers.LSTM(4, dropout=0.1),
    "go_backwards": lambda: keras.layers.GRU(4, go_backwards=True),
    "activation sigmoid": lambda: keras.layers.SimpleRNN(4, activation="sigmoid"),
    "recurrent activation": lambda: keras.layers.LSTM(4, recurrent_activation="tanh"),
    "reset_after": lambda: keras.layers.GRU(4, reset_after=False),
    "got Dense": lambda: keras.layers.Dense(4),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_pytorch_has_not_is_refused_with_a_sentence(said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        WatchCallback(REFUSED[said](), store=tmp_path)
