"""Training loops of PyTorch: its layer, its optimizer, its schedule, on batches given to it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from tests.reference.problems import Array

MODULES = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Losses before each update, gradient norms before clipping, and the weights at the end."""

    losses: list[float]
    norms: list[float]
    parameters: dict[str, Array]


class Model(nn.Module):
    """A recurrent layer and its read-out, with one bias a gate but for the GRU's b_hn."""

    def __init__(self, cell: str, parameters: Mapping[str, Array], layers: int) -> None:
        super().__init__()
        width = parameters["weight_ih_l0"].shape[1]
        hidden = parameters["weight_hh_l0"].shape[1]
        self.layer = MODULES[cell](width, hidden, layers, dtype=torch.float64)
        self.readout = nn.Linear(hidden, len(parameters["readout.weight"]), dtype=torch.float64)
        with torch.no_grad():
            for name, parameter in self.parameters_by_name().items():
                given = parameters.get(name)
                parameter.copy_(torch.zeros(()) if given is None else torch.tensor(given))
        self.hidden, self.cell = hidden, cell

    def parameters_by_name(self) -> dict[str, nn.Parameter]:
        """Return all parameters under the names of a checkpoint."""
        layer = dict(self.layer.named_parameters())
        return layer | {f"readout.{name}": p for name, p in self.readout.named_parameters()}

    def close_second_biases(self) -> None:
        """Take away the gradient of second biases, which are no parameters of ours."""
        for name, parameter in self.layer.named_parameters():
            if name.startswith("bias_hh") and parameter.grad is not None:
                free = 2 * self.hidden if self.cell == "gru" else len(parameter)
                parameter.grad[:free] = 0


def train(
    model: Model,
    batches: Sequence[Any],
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    clip: Callable[[Model, float], object] | None = None,
) -> Trained:
    """Make one update on each batch.

    Args:
        model: Trained in place.
        batches: With `inputs` [T,B,D], `targets` and `mask` [T,B].
        optimizer: Over the model's parameters.
        scheduler: Stepped after each update, a plateau's with the loss.
        clip: Called with the model and its gradient's norm before each update.
    """
    losses, norms = [], []
    parameters = list(model.parameters())
    for batch in batches:
        optimizer.zero_grad()
        loss = _loss(model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        model.close_second_biases()
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = math.sqrt(sum(float((g**2).sum()) for g in gradients))
        if clip is not None:
            clip(model, norm)
        optimizer.step()
        if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            scheduler.step(loss.detach())
        elif scheduler is not None:
            scheduler.step()
        losses.append(float(loss.detach()))
        norms.append(norm)
    named = {n: p.detach().numpy().copy() for n, p in model.parameters_by_name().items()}
    return Trained(losses=losses, norms=norms, parameters=named)


def clip_norm(longest: float) -> Callable[[Model, float], None]:
    """Scale gradients whose global norm is longer to that length, without an epsilon."""

    def clip(model: Model, norm: float) -> None:
        for parameter in model.parameters():
            if norm > longest and parameter.grad is not None:
                parameter.grad *= longest / norm

    return clip


def clip_each(longest: float) -> Callable[[Model, float], None]:
    """Scale each parameter's gradient that is longer to that length, without an epsilon."""

    def clip(model: Model, _norm: float) -> None:
        for parameter in model.parameters():
            if parameter.grad is not None:
                norm = float(parameter.grad.norm())
                parameter.grad *= min(1.0, longest / norm) if norm else 1.0

    return clip


def clip_value(largest: float) -> Callable[[Model, float], None]:
    """Cut every entry to ± the largest."""

    def clip(model: Model, _norm: float) -> None:
        nn.utils.clip_grad_value_(model.parameters(), largest)

    return clip


def clip_units(ratio: float, epsilon: float) -> Callable[[Model, float], None]:
    """Cut the gradient of each row of a weight, and of each bias, to a share of its norm."""

    def clip(model: Model, _norm: float) -> None:
        for parameter in model.layer.parameters():
            if parameter.grad is None:
                continue
            units = {"dim": 1, "keepdim": True} if parameter.ndim > 1 else {}
            most = ratio * parameter.detach().norm(**units).clamp_min(epsilon)
            norms = parameter.grad.norm(**units)
            parameter.grad *= torch.where(norms > most, most / norms, 1.0)

    return clip


def _loss(model: Model, batch: Any) -> torch.Tensor:  # noqa: ANN401  (any object with three arrays)
    output, _ = model.layer(torch.tensor(batch.inputs, dtype=torch.float64))
    logits = model.readout(output)
    asked, targets = torch.tensor(batch.mask), torch.tensor(batch.targets)
    if targets.ndim == asked.ndim:
        return nn.functional.cross_entropy(logits[asked], targets[asked].long())
    return nn.functional.mse_loss(logits[asked], targets[asked].double())
