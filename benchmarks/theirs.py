"""PyTorch's side: a fused layer, a linear read-out, the loss, SGD. Nothing is recorded."""

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import torch
from torch import nn

from benchmarks.workloads import SEED, Workload

LEARNING_RATE = 0.01


def layer_of(workload: Workload, inputs: int) -> nn.Module:
    """Return nn.RNN, nn.LSTM or nn.GRU of the workload's size."""
    if workload.cell == "elman":
        return nn.RNN(inputs, workload.hidden, nonlinearity=str(workload.activation))
    if workload.cell == "lstm":
        return nn.LSTM(inputs, workload.hidden)
    return nn.GRU(inputs, workload.hidden)


def training(workload: Workload, batches: Sequence[Any]) -> Callable[[], object]:
    """Return what makes one training step on the next of `batches`.

    The batches lie ready as tensors: drawing and converting them is not counted here.
    """
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    outputs, loss_of = _loss(batches[0], classes=_classes(batches))
    layer = layer_of(workload, batches[0].inputs.shape[2])
    readout = nn.Linear(workload.hidden, outputs)
    optimizer = torch.optim.SGD(
        [*layer.parameters(), *readout.parameters()], lr=LEARNING_RATE, momentum=0.0
    )
    last_only = not batches[0].mask[:-1].any()
    ready = cycle([_tensors(batch, last_only) for batch in batches])

    def step() -> object:
        inputs, targets = next(ready)
        optimizer.zero_grad(set_to_none=True)
        output, _ = layer(inputs)
        loss = loss_of(readout(output[-1] if last_only else output), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss

    return step


def _classes(batches: Sequence[Any]) -> int:
    return int(max(batch.targets.max() for batch in batches)) + 1


def _loss(batch: Any, classes: int) -> tuple[int, Callable[..., torch.Tensor]]:  # noqa: ANN401
    if batch.targets.ndim == batch.mask.ndim:
        cross_entropy = nn.CrossEntropyLoss()
        return classes, lambda y, k: cross_entropy(y.flatten(0, -2), k.flatten())
    return batch.targets.shape[2], nn.MSELoss()


def _tensors(batch: Any, last_only: bool) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: ANN401
    if not last_only and not batch.mask.all():
        raise ValueError("expected a loss at the last step or at every step")
    targets = torch.from_numpy(batch.targets[-1] if last_only else batch.targets)
    if not targets.is_floating_point():
        targets = targets.long()
    return torch.from_numpy(batch.inputs).float().contiguous(), targets.contiguous()
