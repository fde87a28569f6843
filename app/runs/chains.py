"""One path term of a recorded step, computed of the weights and the probe that were kept of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from safetensors.numpy import load

import engine
from app.store import CheckpointNotFound, Run, Store
from app.store.kept_weights import Weights

REVERSE: Final = "_reverse"
MOST_LISTED: Final = 8
FIRST_LISTED: Final = 5  # of more than that
FIRST_READ: Final = 2
"""The first step at which recurrent weights multiply a state that is not the initial zero."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """Which term is asked for; what is None is chosen: the last loss, step 2, the layer's W_h.

    A layer is named as figures name it, with r for its way backwards; None is the top one.
    """

    step: int
    loss_time: int | None
    state_time: int | None
    parameter: str | None
    layer: str | None = None
    sample: int | None


def chain_of(store: Store, run: Run, term: Term) -> engine.Chain:
    """Take a path term of a recorded step apart, in float64 on the run's probe batch.

    Raises:
        CheckpointNotFound: The weights of this step were not kept; the message says of which.
        ConfigError: A time, a sample, a layer or a parameter that is not there.
    """
    weights = _weights(store, run.id, term.step)
    probe = store.checkpoints.probe(run.id)
    config = engine.RunConfig.from_dict(run.config)
    parameter = term.parameter or _recurrent_of(weights, term.layer)
    if parameter not in weights:  # before anything is swept for it
        raise engine.UnknownNameError("parameter", parameter, weights)
    asked = "first_asked" if parameter.endswith(REVERSE) else "last_asked"
    loss_time = int(run.facts[asked]) if term.loss_time is None else term.loss_time
    state_time = term.state_time or _first_read(parameter, loss_time, config.task.length)
    trace = engine.trace(
        config.model.cell,
        weights,
        probe["inputs"],
        targets=probe["targets"],
        mask=probe["mask"],
        loss=run.facts["loss"],
        reduction=config.training.reduction,
        truncation=config.training.truncation,
        options=_options(config),
    )
    return trace.chain(loss_time, state_time, parameter, sample=term.sample)


def kept_steps(store: Store, run_id: str) -> list[int]:
    """Return the training steps whose weights are kept."""
    of_checkpoints = [one.step for one in store.checkpoints.list(run_id)]
    return sorted({*store.weights.steps(run_id), *of_checkpoints})


def _weights(store: Store, run_id: str, step: int) -> Weights:
    found = store.weights.read(run_id, step)
    if found is not None:
        return found
    steps = kept_steps(store, run_id)
    if step in {one.step for one in store.checkpoints.list(run_id)}:
        return load(store.checkpoints.read(run_id, step, ("recurrent", "readout")))
    told = f"they are of the steps {_listed(steps)}" if steps else "none are yet"
    raise CheckpointNotFound(f"the weights of step {step} are not kept; {told}")


def _listed(steps: list[int]) -> str:
    """Return steps as a message lists them, long lists by their ends."""
    if len(steps) <= MOST_LISTED:
        return ", ".join(map(str, steps))
    return f"{', '.join(map(str, steps[:FIRST_LISTED]))}, … {steps[-1]}"


def _first_read(parameter: str, loss_time: int, length: int) -> int:
    """Return the state time that is meant where none is named."""
    if parameter.startswith("readout."):
        return loss_time
    if parameter.endswith(REVERSE):
        return max(length + 1 - FIRST_READ, loss_time)
    return min(FIRST_READ, loss_time)


def _recurrent_of(weights: Weights, layer: str | None) -> str:
    """Return the name of a layer's recurrent weights, or of the first that it has.

    Raises:
        UnknownNameError: There is no such layer.
    """
    layers: dict[str, list[str]] = {}
    for name in sorted(weights):
        if not name.startswith("readout."):
            layers.setdefault(_layer_of(name), []).append(name)
    if layer is None:
        layer = max((each for each in layers if each.isdecimal()), key=int)
    if layer not in layers:
        raise engine.UnknownNameError("layer", layer, sorted(layers), pointer="/layer")
    names = layers[layer]
    return next((name for name in names if name.startswith("weight_hh")), names[0])


def _layer_of(name: str) -> str:
    """Return what figures call the layer of a parameter.

    >>> _layer_of("weight_hh_l1"), _layer_of("weight_hh_l0_reverse")
    ('1', '0r')
    """
    forwards = name.removesuffix(REVERSE)
    return forwards.rpartition("_l")[2] + ("" if forwards == name else "r")


def _options(config: engine.RunConfig) -> Mapping[str, Any]:
    model = config.model
    options = dict(asdict(model.options)) if model.options is not None else {}
    return {**options, "activation": model.activation_choice(), "layer_skips": model.layer_skips}
