"""`watch`: what a training loop elsewhere calls, and the run that it becomes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from app.capture.destinations import Destination, Folder, Service
from app.capture.kept import KEPT
from app.capture.spool import Spool
from app.capture.watcher import Layer, Watcher
from app.client import Client
from app.settings import Settings
from engine import CaptureConfig

if TYPE_CHECKING:
    import torch
    from torch import nn

PATIENCE: Final = 10.0


def watch(  # noqa: PLR0913  (the public signature)
    module: "nn.Module | Layer",
    client: Client | None = None,
    *,
    every: int = 50,
    store: Path | str | None = None,
    name: str | None = None,
    tags: Sequence[str] = (),
    steps: int = 0,
    length: int | None = None,
    reduction: Literal["mean", "sum"] = "mean",
    statistics: Sequence[str] | None = None,
    scaler: "torch.amp.GradScaler | None" = None,
    kept: Path | str | None = None,
    patience: float = PATIENCE,
) -> Watcher:
    """Watch a recurrent layer while its owner trains it; use it in a `with` statement.

    A training step is one call of the layer in training mode with gradients on.

    Args:
        module: An nn.RNN, nn.LSTM or nn.GRU, or a module that has one of them; or a layer of
            another framework that tells of itself (`app.capture.watcher.Layer`).
        client: The service that the steps are sent to.
        every: Training steps from one look to the next.
        store: A folder to record in, in the place of a service. The steps stay in `kept` too, as
            far as 2 GiB hold them: `gradtide send` sends them to a service later.
        name: What the run is called.
        tags: Words to find the run by.
        steps: How many training steps there will be, where that is known.
        length: Longest sequence; that of the first step looked at where None. A step that is
            longer is left out and counted.
        reduction: Whether the loss is a mean over the sequences of a batch, or their sum.
        statistics: What is recorded beside what always is.
        scaler: The scaler of the gradients in mixed precision: its factor is taken out again.
        kept: Folder in which steps wait where the service is away.
        patience: Seconds that the end of the `with` statement may take to send what is left.

    Raises:
        ValueError: The module cannot be watched, or neither a service nor a folder is named.
        ConfigError: The run that it would be cannot be had.
    """
    if (client is None) == (store is None):
        raise ValueError("expected a client or a store, the one or the other")
    layer = module if isinstance(module, Layer) else _torch_layer(module)
    config: dict[str, Any] = {
        "name": name,
        "tags": list(tags),
        "task": {"kind": "captured", "length": length or 1, "inputs": layer.inputs or 1},
        "model": layer.model(),
        "training": {
            "steps": steps,
            "reduction": reduction,
            "precision": layer.precision,
            "clipping": None,
        },
        "recording": {"every": every},
    }
    if statistics is not None:
        config["recording"]["statistics"] = list(statistics)
    CaptureConfig.from_dict(config)  # what is wrong is said here, not in a thread
    destination: Destination = Folder(Path(store)) if store else Service(client or Client())
    waiting = Path(kept or (Path(store) if store else Settings().data) / KEPT)
    return Watcher(
        layer, destination, config, Spool.within(waiting), scaler, patience, grows=length is None
    )


def _torch_layer(module: "nn.Module") -> Layer:
    from app.capture.torch_steps import TorchLayer

    return TorchLayer(module)
