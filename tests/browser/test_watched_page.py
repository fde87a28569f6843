"""A PyTorch LSTM learns digits in a thread; its page draws it from the first frame to the end."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402  # after importorskip

from app.capture import watch as watch_layer  # noqa: E402
from app.client import Client  # noqa: E402
from engine.tasks.digits import images  # noqa: E402
from tests.browser.conftest import Service  # noqa: E402
from tests.browser.page_checks import violations  # noqa: E402

pytestmark = pytest.mark.torch

PATIENCE_MS = 60_000
STEPS, EVERY = 24, 6


@dataclass
class Loop:
    """A training loop in a thread of its own, which waits half way until the page has looked."""

    service: Service
    kept: Path
    half_way: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    watcher: Any = None

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self.train, daemon=True)
        self.thread.start()

    def train(self) -> None:
        torch.manual_seed(0)
        pixels, classes = images()
        inputs = torch.tensor(pixels / 16.0, dtype=torch.float32)[:, :, None]
        labels = torch.tensor(classes.astype(np.int64))
        layer, head = nn.LSTM(1, 12, batch_first=True), nn.Linear(12, 10)
        optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=3e-3)
        with Client(self.service.url) as client:
            self.watcher = watch_layer(
                layer, client, every=EVERY, steps=STEPS, name="digits", kept=self.kept
            )
            with self.watcher as watcher:
                for step in range(STEPS):
                    if step == STEPS // 2:
                        self.half_way.set()
                        self.go_on.wait(PATIENCE_MS / 1000)
                    chosen = torch.randint(len(inputs), (16,))
                    outputs, _ = layer(inputs[chosen])
                    loss = nn.functional.cross_entropy(head(outputs[:, -1]), labels[chosen])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    watcher.loss(loss)


@pytest.fixture
def loop(service: Service, tmp_path: Path) -> Iterator[Loop]:
    loop = Loop(service, tmp_path)
    yield loop
    loop.go_on.set()
    loop.thread.join(PATIENCE_MS / 1000)


def test_a_training_elsewhere_is_drawn_from_its_first_frame_to_its_end(
    page: Page, service: Service, loop: Loop
) -> None:
    assert loop.half_way.wait(PATIENCE_MS / 1000)
    page.goto("/")
    row = page.get_by_role("link", name="digits").first
    expect(row).to_be_visible(timeout=PATIENCE_MS)
    page.goto(f"/runs/{loop.watcher.run_id}")
    panel = page.locator("[data-panel=hidden_gradient_norm]")
    expect(panel).to_have_attribute("data-state", "ready", timeout=PATIENCE_MS)
    expect(page.locator("[data-status]")).to_have_text("Running", ignore_case=True)
    expect(page.locator("[data-verb=cancel]")).to_be_visible()
    expect(page.locator("[data-verb=pause]")).to_be_hidden()
    loop.go_on.set()
    status = page.locator("[data-status]")
    expect(status).to_have_class("status status--succeeded", timeout=PATIENCE_MS)
    expect(page.locator("[data-step]")).to_have_text(str(STEPS - 1), timeout=PATIENCE_MS)
    expect(page.locator("[data-verdict-text]")).not_to_have_text("Not yet known")
    assert loop.watcher.counts.dropped == 0
    steps = httpx.get(f"{service.url}/api/v1/runs/{loop.watcher.run_id}/statistics").json()
    norms = next(one for one in steps if one["name"] == "hidden_gradient_norm")
    assert norms["coords"]["step"] == [0, 6, 12, 18, 23]
    assert violations(page) == []
