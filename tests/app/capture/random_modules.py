"""Random recurrent modules with a loss on their outputs and final states, and their reference."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.reference.torch_unrolled import State, Unrolled, unroll

INPUTS, HIDDEN, SIZE, LENGTH = 3, 5, 4, 9
KINDS = ("tanh", "relu", "lstm", "gru")


@dataclass(frozen=True)
class Case:
    """One of the modules; everything about it follows from its number."""

    number: int

    def __str__(self) -> str:
        packed = "packed" if self.packed else "whole"
        sides = "both-ways" if self.bidirectional else "ahead"
        return f"{self.number}-{self.kind}-{self.layers}-{sides}-{packed}-{self.dtype}".replace(
            "torch.", ""
        )

    @property
    def kind(self) -> str:
        return KINDS[self.number % 4]

    @property
    def layers(self) -> int:
        return 1 + self.number % 3

    @property
    def packed(self) -> bool:
        return self.number % 8 < 4

    @property
    def bidirectional(self) -> bool:
        return self.number % 5 in (1, 2)

    @property
    def batch_first(self) -> bool:
        return self.number % 5 < 2

    @property
    def dtype(self) -> torch.dtype:
        return torch.float32 if self.number % 3 == 1 else torch.float64

    @property
    def tolerance(self) -> float:
        return 1e-5 if self.dtype is torch.float32 else 1e-10


class Model(nn.Module):
    """The module and a loss that reads its final states, and most often its outputs too."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        torch.manual_seed(case.number)
        options: dict[str, Any] = {
            "num_layers": case.layers,
            "bias": case.number % 7 != 0,
            "bidirectional": case.bidirectional,
            "batch_first": case.batch_first,
            "dtype": case.dtype,
        }
        if case.kind in ("tanh", "relu"):
            options["nonlinearity"] = case.kind
        module = {"lstm": nn.LSTM, "gru": nn.GRU}.get(case.kind, nn.RNN)
        self.recurrent: nn.RNNBase = module(INPUTS, HIDDEN, **options)
        self.case = case
        rng = np.random.default_rng(case.number)
        lengths = rng.integers(1, LENGTH + 1, SIZE) if case.packed else np.full(SIZE, LENGTH)
        lengths[rng.integers(SIZE)] = LENGTH
        self.lengths = torch.tensor(lengths)
        states = 2 if case.kind == "lstm" else 1

        def some(*shape: int) -> Tensor:
            return torch.randn(*shape, dtype=case.dtype)

        sides = 2 if case.bidirectional else 1
        shape = (sides * case.layers, SIZE, HIDDEN)
        self.inputs = some(LENGTH, SIZE, INPUTS)
        self.initial = tuple(some(*shape) for _ in range(states))
        self.of_outputs = some(LENGTH, SIZE, sides * HIDDEN) * (case.number % 4 != 3)
        self.of_states = [some(*shape) for _ in range(states)]

    def loss_of(self, outputs: Tensor, states: State) -> Tensor:
        """Return L, a mean over the sequences."""
        found = (self.of_outputs * outputs).pow(2).sum()
        for weights, state in zip(self.of_states, states, strict=True):
            found = found + (weights * state).pow(2).sum()
        return found / SIZE

    def forward(self) -> Tensor:
        given = self.inputs.swapaxes(0, 1) if self.case.batch_first else self.inputs
        initial = self.initial if len(self.initial) > 1 else self.initial[0]
        if self.case.packed:
            packed = pack_padded_sequence(
                given, self.lengths, enforce_sorted=False, batch_first=self.case.batch_first
            )
            outputs, states = self.recurrent(packed, initial)
            outputs, _ = pad_packed_sequence(outputs, total_length=LENGTH)
        else:
            outputs, states = self.recurrent(given, initial)
            outputs = outputs.swapaxes(0, 1) if self.case.batch_first else outputs
        return self.loss_of(outputs, states if isinstance(states, tuple) else (states,))

    def unrolled(self) -> Unrolled:
        """Return what a loop of the same equations says."""
        return unroll(self.recurrent, self.inputs, self.lengths, self.initial, self.loss_of)
