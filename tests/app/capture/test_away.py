"""A service that is away, that comes back, that is killed: nothing is missing in the end."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402  # after importorskip

from app.capture import send_kept, watch  # noqa: E402
from app.client import Client  # noqa: E402
from app.frame_bytes import unpack  # noqa: E402
from tests.app.capture.destinations import Kept, wait_for, waiting, watched_by  # noqa: E402
from tests.app.capture.served import SECONDS, Served  # noqa: E402

pytestmark = pytest.mark.torch


def one_step(layer: nn.RNNBase) -> Tensor:
    outputs, _ = layer(torch.randn(6, 3, 2))
    loss = outputs.pow(2).mean()
    loss.backward()
    return loss


def test_a_service_killed_half_way_has_everything_when_it_is_back(
    served: Served, tmp_path: Path
) -> None:
    layer = nn.LSTM(2, 4)
    watcher = watch(
        layer, served.client, every=1, kept=tmp_path / "kept", patience=SECONDS, length=6
    )
    with watcher:
        for step in range(30):
            watcher.loss(one_step(layer))
            if step == 9:
                wait_for(lambda: watcher.counts.sent >= 5)
                served.kill()
            if step == 19:
                wait_for(lambda: watcher.trouble is not None)
                served.start()
            wait_for(lambda: waiting(watcher) == 0)  # this loop is faster than any disk
    assert watcher.counts.dropped == 0
    run = watcher.run_id
    assert run is not None
    client = served.client
    assert client.run(run)["status"] == "succeeded"
    assert client.statistic(run, "hidden_gradient_norm").coords["step"].tolist() == [*range(30)]
    losses = client.statistic(run, "loss").values
    assert len(losses) == 30
    assert not np.isnan(losses).any()


def test_what_a_loop_has_left_is_sent_later(served: Served, tmp_path: Path) -> None:
    layer, kept = nn.LSTM(2, 4), tmp_path / "kept"
    away = Client("http://127.0.0.1:9")
    kept_by = watch(layer, away, every=1, kept=kept, patience=0.0)
    with pytest.warns(RuntimeWarning, match="send_kept"), kept_by:  # noqa: PT031
        for _ in range(3):
            one_step(layer)
    away.close()
    (run,) = send_kept(kept, served.client)
    assert not list(kept.iterdir())
    client = served.client
    assert client.run(run)["status"] == "succeeded"
    assert client.statistic(run, "hidden_gradient_norm").coords["step"].tolist() == [0, 1, 2]


def test_a_service_that_comes_back_gets_the_steps_in_their_order(tmp_path: Path) -> None:
    layer, kept = nn.LSTM(2, 4), Kept()
    kept.away = True
    watcher = watched_by(kept, watch(layer, store=tmp_path, every=1, patience=SECONDS))
    with watcher:
        for _ in range(4):
            one_step(layer)
            wait_for(lambda: waiting(watcher) == 0)
        wait_for(lambda: watcher.trouble is not None)
        assert "away" in str(watcher.trouble)
        kept.away = False
    assert [unpack(body).step for body in kept.bodies] == [0, 1, 2, 3]
    assert len(kept.keys) == 1
    assert kept.end == ("succeeded", None)
