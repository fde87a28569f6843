"""Keras layers, on Keras' PyTorch backend, watched by a callback of `fit`.

    model.fit(…, callbacks=[WatchCallback(model.get_layer("lstm"), Client())])

A SimpleRNN, LSTM or GRU is what PyTorch has under other names: kernels are turned, and the GRU's
gates are in the order z, r, h.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import keras
import torch
from torch import Tensor

from app.capture.torch_steps import Arrival, Seen
from app.capture.watcher import Watcher
from app.capture.watching import watch
from app.client import Client

CELLS: Final = {"SimpleRNN": "elman", "LSTM": "lstm", "GRU": "gru"}
GRU_ORDER: Final = (1, 0, 2)
"""Where r, z and n lie among Keras' z, r and h."""


class WatchCallback(keras.callbacks.Callback):  # type: ignore[misc]  # has no types
    """Watches a recurrent layer while its model is fitted.

    The loss that Keras tells a callback is a mean over the epoch so far, and so no step's own: it
    is not recorded.
    """

    def __init__(
        self,
        layer: Any,  # noqa: ANN401  # of Keras, which has no types
        client: Client | None = None,
        **options: Any,  # noqa: ANN401  # those of `watch`
    ) -> None:
        """Take what `watch` takes, the layer in the place of the module."""
        super().__init__()
        self.watcher: Watcher = watch(KerasLayer(layer), client, **options)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Hook the layer."""
        self.watcher.__enter__()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Unhook it, and send what is left."""
        self.watcher.__exit__(None, None, None)


class KerasLayer:
    """A recurrent layer of Keras as a watcher sees it."""

    def __init__(self, layer: Any) -> None:  # noqa: ANN401  # of Keras
        """Check that it is one that can be watched.

        Raises:
            ValueError: It is not; the sentence says why.
        """
        if keras.backend.backend() != "torch":
            raise ValueError("Keras is watched on its PyTorch backend: set KERAS_BACKEND=torch")
        kind = type(layer).__name__
        if kind not in CELLS:
            raise ValueError(f"expected a SimpleRNN, LSTM or GRU of Keras, got {kind}")
        self._layer, self._kind = layer, kind
        activation = getattr(layer.activation, "__name__", "another")
        wanted = ("tanh", "relu") if kind == "SimpleRNN" else ("tanh",)
        gates = getattr(getattr(layer, "recurrent_activation", None), "__name__", "sigmoid")
        for fault, said in (
            (layer.dropout or layer.recurrent_dropout, "dropout within the layer"),
            (layer.go_backwards, "go_backwards"),
            (activation not in wanted, f"the activation {activation}"),
            (gates != "sigmoid", f"the recurrent activation {gates}"),
            (kind == "GRU" and not layer.reset_after, "reset_after=False"),
        ):
            if fault:
                raise ValueError(f"{said} cannot be watched: PyTorch's layers have no such thing")
        self._activation = activation if kind == "SimpleRNN" else None

    @property
    def inputs(self) -> int | None:
        """D; None before the layer is built."""
        return int(self._layer.cell.kernel.shape[0]) if self._layer.built else None

    @property
    def precision(self) -> str:
        """Number type that frames are kept in."""
        return "float64" if self._layer.compute_dtype == "float64" else "float32"

    def model(self) -> dict[str, Any]:
        """Return the `model` section of the configuration that the layer is."""
        return {
            "cell": CELLS[self._kind],
            "activation": self._activation,
            "hidden_size": self._layer.units,
            "layers": 1,
            "bias": bool(self._layer.use_bias),
        }

    def attach(self, after: Callable[..., Any]) -> Callable[[], None]:
        """Call `after` with each training call; return what takes the hook away again."""
        layer, before = self._layer, self._layer.inner_loop

        def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: Any = False) -> Any:  # noqa: ANN401
            found = before(sequences, initial_state, mask, training=training)
            if not (training and torch.is_grad_enabled()):
                return found
            if mask is not None:
                raise ValueError("masked sequences cannot be watched: leave the mask out")
            last, outputs, states = found
            # Tensors of their own: what arrives at each of them arrives there alone.
            own = (last.view_as(last), outputs.view_as(outputs), [s.view_as(s) for s in states])
            after((sequences, initial_state), {}, own)
            return own

        layer.inner_loop = inner_loop

        def detach() -> None:
            layer.inner_loop = before

        return detach

    def see(self, step: int, given: tuple[Any, ...], _named: Mapping[str, Any]) -> Seen:
        """Copy what a call was made with."""
        sequences, states = given
        return Seen(
            step=step,
            weights={name: value.detach().clone() for name, value in self._weights()},
            inputs=sequences.detach().to(self._layer.cell.kernel.value.dtype).clone(),
            packed=None,
            batch_first=True,
            initial=tuple(state.detach().clone()[None] for state in states),
        )

    def arrivals(self, output: Any) -> list[Arrival]:  # noqa: ANN401
        """Return the tensors whose gradients are wanted, and what each is the gradient of."""
        last, outputs, states = output
        found: list[Arrival] = [("output", outputs, None), ("h", last, _one_layer)]
        return found + [(n, s, _one_layer) for n, s in zip(("h", "c"), states, strict=False)]

    def _weights(self) -> list[tuple[str, Tensor]]:
        cell = self._layer.cell
        kernel, recurrent = cell.kernel.value, cell.recurrent_kernel.value
        found = [("weight_ih_l0", self._turned(kernel)), ("weight_hh_l0", self._turned(recurrent))]
        if self._layer.use_bias:
            bias = cell.bias.value
            both = bias if self._kind == "GRU" else torch.stack([bias, torch.zeros_like(bias)])
            for name, row in zip(("bias_ih_l0", "bias_hh_l0"), both, strict=True):
                found.append((name, self._turned(row)))
        return found

    def _turned(self, value: Tensor) -> Tensor:
        """Return weights (out, in) in PyTorch's order of gates."""
        turned = value.T if value.ndim > 1 else value
        if self._kind != "GRU":
            return turned
        blocks = turned.chunk(len(GRU_ORDER))
        return torch.cat([blocks[index] for index in GRU_ORDER])


def _one_layer(gradient: Tensor) -> Tensor:
    return gradient[None]
