"""What a training starts from: its network, and the weights that a model has to bring."""

from collections.abc import Mapping

from engine.arrays import Array
from engine.bptt.network import Network
from engine.config import RunConfig
from engine.errors import ConfigError, Problem
from engine.tasks import Task


def require_model(
    config: RunConfig, initial: Mapping[str, Array] | None, resume: Mapping[str, object] | None
) -> None:
    """Refuse a configuration that starts from a model where its weights are missing.

    Raises:
        ConfigError: There is nothing to start from.
    """
    if config.model.from_model is not None and initial is None and resume is None:
        detail = "expected the model's weights beside the configuration, got none"
        raise ConfigError([Problem("/model/from_model", detail)])


def build_network(config: RunConfig, task: Task) -> Network:
    """Return the configuration's network for a task, with all weights zero."""
    model = config.model
    return Network(
        model.make_cell(),
        inputs=task.inputs,
        hidden=model.hidden_size,
        layers=model.layers,
        outputs=task.outputs,
        bias=model.bias,
        bidirectional=model.bidirectional,
        layer_skips=model.layer_skips,
        dtype=config.training.precision,
    )
