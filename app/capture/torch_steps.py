"""What PyTorch's recurrent layers show to a hook, and what is made of it.

The copies are made where the loop runs, so that nothing that comes later can change them; all the
rest is the sending thread's.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from engine import ShapeError, Taken

CELLS: Final = {"RNN_TANH": "elman", "RNN_RELU": "elman", "LSTM": "lstm", "GRU": "gru"}
ACTIVATIONS: Final = {"RNN_TANH": "tanh", "RNN_RELU": "relu"}
STATES: Final = ("h", "c")
Arrival = tuple[str, Tensor, Callable[[Tensor], Tensor] | None]
"""What a gradient is of, the tensor that it arrives at, and what brings it into form."""

PARTS: Final = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def recurrent_layer(module: nn.Module) -> nn.RNNBase:
    """Return the recurrent layer that a module is, or the only one within it.

    Raises:
        ValueError: There is none, there are several, or it has what cannot be watched.
    """
    found = [each for each in module.modules() if isinstance(each, nn.RNNBase)]
    if len(found) != 1:
        names = [name for name, each in module.named_modules() if isinstance(each, nn.RNNBase)]
        which = f"several: {', '.join(names)}; name one of them" if names else "none"
        raise ValueError(
            f"expected an nn.RNN, nn.LSTM or nn.GRU, or a module with one; got {which}"
        )
    layer = found[0]
    if layer.proj_size:
        raise ValueError(
            f"proj_size = {layer.proj_size} cannot be watched: the state that is handed on is a "
            "projection of the one that the gradient is wanted of"
        )
    if layer.dropout and layer.num_layers > 1:
        raise ValueError(
            f"dropout = {layer.dropout:g} between layers cannot be watched: what was dropped is "
            "known to the fused layer alone; set it to 0, or put dropout between single layers"
        )
    return layer


@dataclass(slots=True)
class Seen:
    """One training step as the hooks saw it.

    Attributes:
        step: Updates done before it.
        weights: Rounded as the forward call rounded them, under autocast.
        inputs: As they were given, or the data of a packed sequence.
        packed: The packed sequence, for its order and lengths; None where there is none.
        initial: The states that were given, h first.
        gradients: What has arrived: "output", "h", "c".
        scale: What a gradient scaler has multiplied the loss by.
    """

    step: int
    weights: dict[str, Tensor]
    inputs: Tensor
    packed: PackedSequence | None
    batch_first: bool
    initial: tuple[Tensor, ...]
    gradients: dict[str, Tensor] = field(default_factory=dict)
    scale: float = 1.0

    @property
    def length(self) -> int:
        """Steps of the longest sequence."""
        if self.packed is not None:
            return len(self.packed.batch_sizes)
        is_batch = self.inputs.ndim == len(("T", "B", "D"))
        return int(self.inputs.shape[1 if self.batch_first and is_batch else 0])

    def add(self, name: str, gradient: Tensor) -> None:
        """Add a gradient that has arrived: a second backward through the same call adds to it."""
        before = self.gradients.get(name)
        copy = gradient.detach().clone()
        self.gradients[name] = copy if before is None else before + copy


class TorchLayer:
    """A recurrent layer of PyTorch as a watcher sees it."""

    def __init__(self, module: nn.Module) -> None:
        """Find the layer in a module; see `recurrent_layer`."""
        self._layer = recurrent_layer(module)

    @property
    def inputs(self) -> int | None:
        """D."""
        return int(self._layer.input_size)

    @property
    def precision(self) -> str:
        """Number type that frames are kept in."""
        dtype = next(self._layer.parameters()).dtype
        return "float64" if dtype is torch.float64 else "float32"

    def model(self) -> dict[str, Any]:
        """Return the `model` section of the configuration that the layer is."""
        layer = self._layer
        return {
            "cell": CELLS[layer.mode],
            "activation": ACTIVATIONS.get(layer.mode),
            "hidden_size": layer.hidden_size,
            "layers": layer.num_layers,
            "bidirectional": bool(layer.bidirectional),
            "bias": bool(layer.bias),
        }

    def attach(self, after: Callable[..., None]) -> Callable[[], None]:
        """Call `after` with each training call; return what takes the hook away again."""

        def hook(layer: nn.RNNBase, given: Any, named: Any, output: Any) -> None:  # noqa: ANN401
            if layer.training and torch.is_grad_enabled():
                after(given, named, output)

        handle = self._layer.register_forward_hook(hook, with_kwargs=True)
        detach: Callable[[], None] = handle.remove
        return detach

    def see(self, step: int, given: tuple[Any, ...], named: Mapping[str, Any]) -> Seen:
        """Copy what a forward call was made with."""
        inputs = given[0] if given else named["input"]
        states = given[1] if len(given) > 1 else named.get("hx")
        packed = inputs if isinstance(inputs, PackedSequence) else None
        data = inputs if packed is None else packed.data
        parts = () if states is None else (states if isinstance(states, tuple) else (states,))
        dtype = _autocast(data)
        return Seen(
            step=step,
            weights={name: _copy(value, dtype) for name, value in _weights(self._layer)},
            inputs=_copy(data, dtype),
            packed=packed,
            batch_first=self._layer.batch_first,
            initial=tuple(_copy(part, dtype) for part in parts),
        )

    def arrivals(self, output: tuple[Any, Any]) -> list[Arrival]:
        """Return the tensors whose gradients are wanted, and what each is the gradient of."""
        outputs, states = output
        top = outputs.data if isinstance(outputs, PackedSequence) else outputs
        parts = states if isinstance(states, tuple) else (states,)
        finals = [(name, part, None) for name, part in zip(STATES, parts, strict=False)]
        return [("output", top, None), *finals]


def taken_of(seen: Seen, losses: NDArray[Any], reduction: str) -> Taken:
    """Return what was seen as arrays, time first, without a loss scale."""
    inputs, lengths = _padded(seen, seen.inputs)
    output = seen.gradients.get("output")
    finals = {name: _states(seen.gradients[name]) for name in STATES if name in seen.gradients}
    return Taken(
        step=seen.step,
        weights={name: _array(value) for name, value in seen.weights.items()},
        inputs=inputs,
        lengths=lengths,
        initial={name: _states(state) for name, state in zip(STATES, seen.initial, strict=False)},
        output_gradients=None if output is None else _padded(seen, output)[0] / seen.scale,
        final_gradients={name: value / seen.scale for name, value in finals.items()},
        reduction="sum" if reduction == "sum" else "mean",
        losses=losses,
    )


def _weights(layer: nn.RNNBase) -> Iterator[tuple[str, Tensor]]:
    parts = PARTS if layer.bias else PARTS[:2]
    sides = ("", "_reverse") if layer.bidirectional else ("",)
    suffixes = [f"_l{index}{side}" for index in range(layer.num_layers) for side in sides]
    for suffix in suffixes:
        for part in parts:
            name = f"{part}{suffix}"
            yield name, getattr(layer, name)  # what the call used, parametrized or not


def _autocast(inputs: Tensor) -> torch.dtype | None:
    """Return what autocast rounds weights and inputs to at this moment; None where it is off."""
    kind = inputs.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None


def _copy(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    rounded = value.detach()
    if dtype is not None and rounded.dtype is torch.float32:
        return rounded.to(dtype)
    return rounded.clone()


def _padded(seen: Seen, data: Tensor) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    """Return (T, B, …) and the lengths, of what stands in the order of the inputs."""
    if seen.packed is None:
        if data.ndim == len(("T", "D")):  # one sequence alone
            return _array(data)[:, None], None
        found = _array(data)
        return (found.swapaxes(0, 1) if seen.batch_first else found), None
    packed = seen.packed
    whole = PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
    padded, lengths = pad_packed_sequence(whole)
    return _array(padded), lengths.numpy()


def _states(state: Tensor) -> NDArray[Any]:
    found = _array(state)
    if found.ndim == len(("S", "H")):
        return found[:, None]
    if found.ndim != len(("S", "B", "H")):
        raise ShapeError(f"state: expected shape (S, B, H), got {found.shape}")
    return found


def _array(value: Tensor) -> NDArray[Any]:
    """Return numbers that NumPy knows: halves as singles, which changes none of them."""
    host = value.detach().to("cpu")
    if host.dtype in (torch.bfloat16, torch.float16):
        host = host.float()
    found: NDArray[Any] = host.numpy()
    return found
