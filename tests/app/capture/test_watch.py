"""Watching a PyTorch layer: what is looked at, when, and what becomes of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402  # after importorskip

from app.capture import watch  # noqa: E402
from app.capture.watcher import Watcher  # noqa: E402
from app.frame_bytes import unpack  # noqa: E402
from app.settings import Settings  # noqa: E402
from app.store import open_store  # noqa: E402
from engine import CaptureConfig, frame_of  # noqa: E402
from engine.watching.frames import Look  # noqa: E402
from tests.app.capture.destinations import Kept, watched_by  # noqa: E402

pytestmark = pytest.mark.torch


def watching(kept: Kept, module: nn.Module, folder: Path, **options: Any) -> Watcher:  # noqa: ANN401
    return watched_by(kept, watch(module, store=folder, **{"every": 2, **options}))


def one_step(layer: nn.RNNBase, length: int = 6) -> Tensor:
    outputs, _ = layer(torch.randn(length, 3, layer.input_size))
    loss = outputs.pow(2).mean()
    loss.backward()
    return loss


def steps_of(kept: Kept) -> list[int]:
    return [unpack(body).step for body in kept.bodies]


def test_every_second_step_is_looked_at_and_the_last_where_it_is_known(tmp_path: Path) -> None:
    kept, layer = Kept(), nn.LSTM(2, 4)
    with watching(kept, layer, tmp_path, steps=6, name="mine", tags=["a"]) as watcher:
        for _ in range(6):
            watcher.loss(one_step(layer))
    assert steps_of(kept) == [0, 2, 4, 5]
    assert kept.end == ("succeeded", None)
    assert kept.config["name"] == "mine"
    assert kept.config["task"]["length"] == 6
    assert (watcher.counts.taken, watcher.counts.sent, watcher.trouble) == (4, 4, None)
    losses = [unpack(body).losses for body in kept.bodies]
    assert [len(each) for each in losses] == [1, 2, 2, 1]
    assert np.isfinite(np.concatenate(losses)).all()
    assert not list((tmp_path / "kept").iterdir())


def test_a_loss_is_a_number_of_any_kind(tmp_path: Path) -> None:
    kept, layer = Kept(), nn.GRU(2, 4)
    with watching(kept, layer, tmp_path, every=1) as watcher:
        for kind in (
            lambda loss: loss,
            float,
            np.float32,
            lambda _: np.float64("nan"),
            lambda _: 2,
        ):
            watcher.loss(kind(one_step(layer).detach()))
    losses = np.concatenate([unpack(body).losses for body in kept.bodies])
    assert np.isfinite(losses[:3]).all()
    assert np.isnan(losses[3])
    assert losses[4] == 2


def test_a_call_without_training_is_no_step(tmp_path: Path) -> None:
    kept, layer = Kept(), nn.GRU(2, 4)
    with watching(kept, layer, tmp_path):
        layer.eval()
        layer(torch.randn(6, 3, 2))
        layer.train()
        with torch.no_grad():
            layer(torch.randn(6, 3, 2))
        one_step(layer)
    assert steps_of(kept) == [0]


def test_nothing_is_hooked_any_more_when_the_loop_is_over(tmp_path: Path) -> None:
    kept, layer = Kept(), nn.GRU(2, 4)
    with watching(kept, layer, tmp_path):
        one_step(layer)
    one_step(layer)
    assert not layer._forward_hooks
    assert steps_of(kept) == [0]


def test_weights_are_those_of_the_forward_call(tmp_path: Path) -> None:
    kept, layer = Kept(), nn.LSTM(2, 4)
    before = layer.weight_hh_l0.detach().clone()
    with watching(kept, layer, tmp_path):
        one_step(layer)
        with torch.no_grad():
            layer.weight_hh_l0.add_(1.0)  # as an optimizer does
    np.testing.assert_array_equal(unpack(kept.bodies[0]).weights["weight_hh_l0"], before.numpy())


@pytest.mark.parametrize("module", [nn.LSTM, nn.GRU, nn.RNN])
def test_under_autocast_the_weights_are_those_that_were_used(
    module: type[nn.RNNBase], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    kept, layer = Kept(), module(2, 8)
    inputs = torch.randn(6, 3, 2)
    with watching(kept, layer, tmp_path):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs, _ = layer(inputs)
        outputs.float().pow(2).mean().backward()
    taken = unpack(kept.bodies[0])
    used = layer.weight_hh_l0.detach().to(torch.bfloat16).float().numpy()
    np.testing.assert_array_equal(taken.weights["weight_hh_l0"], used)
    look = Look(CaptureConfig.from_dict(kept.config), taken)
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None
        own = parameter.grad.numpy()
        # What is between is computed in 8 bits of mantissa there, and in 53 here.
        assert np.abs(look.parameter_gradients[name] - own).max() < 0.03 * np.abs(own).max()


def test_a_scaled_loss_is_measured_without_its_scale(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer, inputs = nn.LSTM(2, 4), torch.randn(6, 3, 2)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    bodies = []
    for scale in (None, scaler):
        kept = Kept()
        with watching(kept, layer, tmp_path, scaler=scale):
            loss = layer(inputs)[0].pow(2).mean()
            (loss if scale is None else scale.scale(loss)).backward()
        bodies.append(unpack(kept.bodies[0]).output_gradients)
    np.testing.assert_array_equal(bodies[0], bodies[1])


def test_two_backward_passes_through_one_call_add_up(tmp_path: Path) -> None:
    torch.manual_seed(0)
    kept, layer = Kept(), nn.LSTM(2, 4)
    with watching(kept, layer, tmp_path):
        outputs, (h_n, c_n) = layer(torch.randn(6, 3, 2))
        outputs.pow(2).mean().backward(retain_graph=True)
        (h_n.sum() + c_n.sum()).backward()
    look = Look(CaptureConfig.from_dict(kept.config), unpack(kept.bodies[0]))
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None
        np.testing.assert_allclose(look.parameter_gradients[name], parameter.grad, atol=1e-5)


def test_a_step_whose_gradient_comes_late_is_waited_for(tmp_path: Path) -> None:
    kept, layer = Kept(), nn.LSTM(2, 4)
    with watching(kept, layer, tmp_path, every=4):
        first, _ = layer(torch.randn(6, 3, 2))
        second, _ = layer(torch.randn(6, 3, 2))  # called twice before the one backward
        (first.sum() + second.sum()).backward()
        one_step(layer)
    assert steps_of(kept) == [0]


def test_a_step_without_a_gradient_is_counted(tmp_path: Path) -> None:
    kept, layer = Kept(), nn.LSTM(2, 4)
    with watching(kept, layer, tmp_path, every=1) as watcher:
        layer(torch.randn(6, 3, 2))
        one_step(layer)
    assert steps_of(kept) == [1]
    assert watcher.counts.without_gradient == 1


def test_one_sequence_alone_is_a_batch_of_one(tmp_path: Path) -> None:
    kept, layer = Kept(), nn.LSTM(2, 4, batch_first=True)
    with watching(kept, layer, tmp_path):
        layer(torch.randn(6, 2))[0].pow(2).mean().backward()
    taken = unpack(kept.bodies[0])
    assert taken.inputs.shape == (6, 1, 2)
    frame_of(CaptureConfig.from_dict(kept.config), taken)


def test_a_longer_step_than_the_run_has_room_for_is_left_out_and_said_once(tmp_path: Path) -> None:
    kept, layer = Kept(), nn.LSTM(2, 4)
    with watching(kept, layer, tmp_path, every=1) as watcher:
        one_step(layer, 6)
        one_step(layer, 7)
        with pytest.warns(UserWarning, match="longer than the 6"):
            one_step(layer, 4)
    assert steps_of(kept) == [0, 2]
    assert watcher.counts.too_long == 1


def test_what_the_threads_have_no_room_for_is_counted_and_its_losses_go_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, layer = Kept(), nn.LSTM(2, 4)
    with (  # noqa: PT031
        pytest.warns(RuntimeWarning, match="1 did not become frames"),
        watching(kept, layer, tmp_path, every=1) as watcher,
    ):
        assert watcher._sender is not None
        put = watcher._sender.put
        watcher.loss(one_step(layer))
        monkeypatch.setattr(watcher._sender, "put", lambda step: False)
        watcher.loss(one_step(layer))  # hands over the first: no room
        monkeypatch.setattr(watcher._sender, "put", put)
        watcher.loss(one_step(layer))
    assert watcher.counts.dropped == 1
    assert steps_of(kept) == [1, 2]
    assert [len(unpack(body).losses) for body in kept.bodies] == [2, 1]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("labels"), "failed", "ValueError: labels"),
        (KeyboardInterrupt(), "cancelled", None),
    ],
)
def test_how_the_loop_ends_is_how_the_run_ends(
    tmp_path: Path, error: BaseException, status: str, said: str | None
) -> None:
    kept, layer = Kept(), nn.LSTM(2, 4)
    with pytest.raises(type(error)), watching(kept, layer, tmp_path):  # noqa: PT012
        one_step(layer)
        raise error
    assert kept.end == (status, said)


def test_a_refused_step_is_counted_and_the_loop_goes_on(tmp_path: Path) -> None:
    kept, layer = Kept(), nn.LSTM(2, 4)
    kept.refusing = True
    with (  # noqa: PT031
        pytest.warns(RuntimeWarning, match="2 did not become frames"),
        watching(kept, layer, tmp_path, every=1) as watcher,
    ):
        one_step(layer)
        one_step(layer)
    assert watcher.counts.refused == 2


def test_a_cancelled_run_takes_no_more_and_the_loop_goes_on(tmp_path: Path) -> None:
    kept, layer = Kept(), nn.LSTM(2, 4)
    kept.over = True
    with (  # noqa: PT031
        pytest.warns(RuntimeWarning, match="it is cancelled"),
        watching(kept, layer, tmp_path, every=1),
    ):
        one_step(layer)
        one_step(layer)
    assert not list((tmp_path / "kept").iterdir())


REFUSED: dict[str, Any] = {
    "proj_size": lambda: nn.LSTM(2, 4, proj_size=3),
    "dropout": lambda: nn.LSTM(2, 4, num_layers=2, dropout=0.1),
    "got none": lambda: nn.Linear(2, 4),
    "several": lambda: nn.ModuleList([nn.GRU(2, 4), nn.GRU(4, 4)]),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_cannot_be_watched_is_refused_with_a_sentence(tmp_path: Path, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        watch(REFUSED[said](), store=tmp_path)


def test_the_only_recurrent_layer_of_a_model_is_found(tmp_path: Path) -> None:
    kept, model = Kept(), nn.ModuleDict({"in": nn.Linear(3, 2), "core": nn.GRU(2, 4)})
    with watching(kept, model, tmp_path):
        one_step(model["core"])
    assert kept.config["model"]["cell"] == "gru"


def test_either_a_client_or_a_store_is_named() -> None:
    with pytest.raises(ValueError, match="a client or a store"):
        watch(nn.GRU(2, 4))


def test_a_folder_alone_holds_the_run(tmp_path: Path) -> None:
    layer = nn.LSTM(2, 4)
    with watch(layer, store=tmp_path, every=2, name="alone") as watcher:
        for _ in range(5):
            watcher.loss(one_step(layer))
    store = open_store(Settings(data=tmp_path, _env_file=None))  # type: ignore[call-arg]
    assert watcher.run_id is not None
    run = store.runs.get(watcher.run_id)
    assert (run.name, run.status) == ("alone", "succeeded")
    assert store.arrays.frame_steps(run.id) == [0, 2, 4]
    assert len(store.arrays.read(run.id, "loss").values) == 5
    store.close()
