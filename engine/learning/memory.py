"""Whether a training's sweeps hold every step, or recompute them segment by segment.

Both give the same bits, so what is chosen here is no part of what a run finds out.
"""

from engine.bptt.bound_calls import bound_bytes
from engine.bptt.footprint import Footprint
from engine.compiled import twin_of
from engine.config import RunConfig
from engine.tasks import Task

WHOLE_UP_TO = 2**30
"""Bytes of a sweep up to which it holds every step where nobody chose."""


def footprint(config: RunConfig, task: Task) -> Footprint:
    """Return the sizes that the sweeps of a run have."""
    model = config.model
    cell = model.make_cell()
    return Footprint(
        cell=cell,
        length=task.length,
        inputs=task.inputs,
        hidden=model.hidden_size,
        layers=len(model.layer_axis),
        directions=2 if model.bidirectional else 1,
        item=8 if config.training.precision == "float64" else 4,
        bound=None if twin_of(cell) else bound_bytes(cell),
        window=config.training.truncation,
    )


def recomputes(config: RunConfig, task: Task) -> bool:
    """Tell whether training steps recompute the states on the way back."""
    training = config.training
    if training.memory != "automatic":
        return training.memory == "recomputed"
    whole = footprint(config, task).whole(training.batch_size)
    return config.needs_every_step is None and whole > WHOLE_UP_TO
