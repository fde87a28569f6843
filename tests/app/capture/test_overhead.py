"""What watching costs a training loop: at most two per cent where it looks every 50th step."""

import statistics
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402  # after importorskip

from app.capture import watch  # noqa: E402
from tests.app.capture.destinations import Kept, watched_by  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.benchmark]

STEPS, TURNS, MOST = 200, 5, 1.02


class Loop:
    """The digits' sizes: 64 steps of 1 number, 64 units, 32 sequences."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        torch.set_num_threads(1)
        self.layer, self.head = nn.LSTM(1, 64, batch_first=True), nn.Linear(64, 10)
        parameters = [*self.layer.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.Adam(parameters)
        self.inputs, self.labels = torch.rand(32, 64, 1), torch.randint(10, (32,))

    def train(self) -> float:
        """Return the seconds of the steps, by the loop's own thread and by the clock."""
        started = time.perf_counter()
        for _ in range(STEPS):
            outputs, _ = self.layer(self.inputs)
            loss = nn.functional.cross_entropy(self.head(outputs[:, -1]), self.labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return time.perf_counter() - started


def test_looking_every_fiftieth_step_costs_at_most_two_per_cent(tmp_path: Path) -> None:
    loop, shares = Loop(), []
    loop.train()
    for _ in range(TURNS):
        plain = loop.train()
        with watched_by(Kept(), watch(loop.layer, store=tmp_path, every=50)):
            watched = loop.train()
        shares.append(watched / plain)
    print("watched / plain:", ", ".join(f"{share:.3f}" for share in sorted(shares)))  # noqa: T201
    assert statistics.median(shares) <= MOST
