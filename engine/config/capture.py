"""The configuration of a run whose training happens elsewhere: what is known of it."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, ClassVar

from engine.config.run import DIALECT, RunConfig
from engine.config.training import TrainingConfig
from engine.errors import Problem
from engine.schema import Doc, Kinds, Schema, object_node
from engine.tasks import CapturedOptions

KIND = "captured"

CAPTURED_CELLS: Mapping[str, tuple[str | None, ...]] = MappingProxyType(
    {"elman": ("tanh", "relu"), "lstm": (None,), "gru": (None,)}
)
"""Cells of PyTorch's and Keras' own layers, with the activations that those have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptureConfig(RunConfig):
    """A run's configuration where the training loop runs elsewhere.

    How the loop changes its weights is not known here: optimizer, schedule and initializers are
    no statement about it.
    """

    title: ClassVar[str] = "Capture"
    purpose: ClassVar[str] = "The network of a training loop elsewhere, and what is recorded of it."

    task: Annotated[
        CapturedOptions,
        Kinds("task", lambda: {KIND: CapturedOptions}),
        Doc("The sequences that the loop trains on."),
    ]
    training: Annotated[
        TrainingConfig, Doc("How long it is meant to go on (0: not known), and on what loss.")
    ] = field(default_factory=lambda: TrainingConfig(steps=0, clipping=None))

    def completed(self) -> Mapping[str, object]:
        """Say what follows from the loop being elsewhere: its own batches, no weights of ours."""
        recording = dataclasses.replace(self.recording, batch="training", checkpoints=())
        return {**RunConfig.completed(self), "recording": recording}

    def rules(self) -> Iterator[Problem]:
        """Yield what does not hold between the parts."""
        model = self.model
        if model.cell not in CAPTURED_CELLS:
            known = ", ".join(CAPTURED_CELLS)
            yield Problem("/model/cell", f"expected one of {known}, got '{model.cell}'")
        elif model.activation not in CAPTURED_CELLS[model.cell]:
            known = ", ".join(str(each) for each in CAPTURED_CELLS[model.cell])
            yield Problem("/model/activation", f"expected {known} of the cell {model.cell}")
        plain = type(model.options)()
        if model.options != plain:
            yield Problem("/model/options", "expected the cell's defaults: those of PyTorch")
        if model.layer_skips:
            yield Problem("/model/layer_skips", "PyTorch's layers have none: expected false")
        if self.training.truncation is not None:
            yield Problem("/training/truncation", "expected null: a frame is swept all the way")
        if self.training.threads != 1:
            yield Problem("/training/threads", "expected 1: the loop's own threads are elsewhere")


def config_of(mapping: Mapping[str, object]) -> RunConfig:
    """Read the configuration of a stored run, trained here or captured elsewhere.

    Raises:
        ConfigError: Something does not hold.
    """
    return (CaptureConfig if is_captured(mapping) else RunConfig).from_dict(mapping)


def is_captured(mapping: Mapping[str, object]) -> bool:
    """Tell whether a configuration is that of a training loop elsewhere."""
    task = mapping.get("task")
    return isinstance(task, Mapping) and task.get("kind") == KIND


def capture_schema() -> Schema:
    """Return the JSON schema (draft 2020-12) of a capture's configuration."""
    return {"$schema": DIALECT, **object_node(CaptureConfig).schema()}
