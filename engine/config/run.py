"""A run's whole configuration: with its seed it determines the run bit for bit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Self

from annotated_types import Interval, Len

from engine.bounds import LONGEST_NAME, LONGEST_TAG, MOST_TAGS
from engine.config.model import ModelConfig
from engine.config.recording import RecordingConfig
from engine.config.regularizers import REGULARIZED_CELLS
from engine.config.training import TrainingConfig
from engine.errors import ConfigError, Problem
from engine.schema import Described, Doc, Kinds, Schema, object_node
from engine.tasks import TASKS, TaskOptions

# JSON numbers are doubles in a browser: a larger seed would come back changed.
LARGEST_SEED = 2**53 - 1
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunConfig(Described):
    """A run's whole configuration."""

    title: ClassVar[str] = "Run"
    purpose: ClassVar[str] = "A task, a network, a training, and what is recorded of it."

    name: Annotated[
        Annotated[str, Len(1, LONGEST_NAME)] | None,
        Doc("What the run is called; left empty: cell, activation, task and length."),
    ] = None
    seed: Annotated[
        int,
        Interval(ge=0, le=LARGEST_SEED),
        Doc("Where all random numbers of the run come from."),
    ] = 0
    tags: Annotated[
        tuple[Annotated[str, Len(1, LONGEST_TAG)], ...],
        Len(0, MOST_TAGS),
        Doc("Words to find the run by."),
    ] = ()
    task: Annotated[
        TaskOptions,
        Kinds("task", lambda: {name: entry.options for name, entry in TASKS.items()}),
        Doc("What the network is asked to learn."),
    ]
    model: Annotated[ModelConfig, Doc("The network and how its weights start.")]
    training: Annotated[TrainingConfig, Doc("How the weights are changed.")] = field(
        default_factory=TrainingConfig
    )
    recording: Annotated[RecordingConfig, Doc("What is looked at, and when.")] = field(
        default_factory=RecordingConfig
    )

    @classmethod
    def from_dict(cls, mapping: Mapping[str, object]) -> Self:
        """Read a configuration from what JSON knows.

        Args:
            mapping: The configuration; whatever has a default may be left out.

        Raises:
            ConfigError: Something does not hold; `problems` lists every fault with its pointer.
        """
        problems: list[Problem] = []
        config = object_node(cls).read(mapping, "", problems)
        if not isinstance(config, cls):
            raise ConfigError(problems)
        return config

    def extended(self, steps: object) -> "RunConfig":
        """Return this configuration with more training steps.

        A schedule that ends with the training keeps the horizon it was made with, so that the
        steps done so far are those of the longer training too.

        Args:
            steps: Number of training steps in all.

        Raises:
            ConfigError: It is no number of steps, or fewer than there are.
        """
        schedule = self.training.schedule.to_dict()
        if schedule.get("horizon", 0) is None:
            schedule["horizon"] = max(1, self.training.steps)
        training = {**self.training.to_dict(), "schedule": schedule, "steps": steps}
        longer = RunConfig.from_dict({**self.to_dict(), "training": training})
        if longer.training.steps < self.training.steps:
            detail = f"expected at least the {self.training.steps} steps it has, got {steps}"
            raise ConfigError([Problem("/training/steps", detail)])
        return longer

    def completed(self) -> Mapping[str, object]:
        """Fill the name where none was given."""
        return {} if self.name is not None else {"name": self._default_name()}

    def rules(self) -> Iterator[Problem]:
        """Yield what does not hold between the parts."""
        if self.training.regularizer is not None and self.model.cell not in REGULARIZED_CELLS:
            choices = ", ".join(REGULARIZED_CELLS)
            detail = f"the cell {self.model.cell} has no such term: expected null, or one of the "
            yield Problem("/training/regularizer", f"{detail}cells {choices}")
        if self.model.bidirectional and self.training.truncation is not None:
            detail = "a sequence that is also read backwards has no end to cut at: expected null"
            yield Problem("/training/truncation", detail)
        if self.training.memory == "recomputed" and self.needs_every_step is not None:
            detail = f"{self.needs_every_step} needs the states of every step"
            yield Problem("/training/memory", f"{detail}: expected whole or automatic")
        for index, step in enumerate(self.recording.checkpoints):
            if isinstance(step, int) and step > self.training.steps:
                detail = f"expected at most the training's {self.training.steps} steps, got {step}"
                yield Problem(f"/recording/checkpoints/{index}", detail)

    @property
    def needs_every_step(self) -> str | None:
        """What looks at the training's own states, whole; None where nothing does."""
        if self.training.regularizer is not None:
            return "a regularizer"
        return "a frame of the training batch" if self.recording.batch == "training" else None

    def _default_name(self) -> str:
        activation = self.model.activation
        kind = activation if activation is None or isinstance(activation, str) else activation.kind
        network = self.model.cell if kind is None else f"{self.model.cell} {kind}"
        # Uploaded sequences may be read as long as they are.
        length = f", T = {self.task.length}" if self.task.length else ""
        return f"{network} on {self.kind_of_task}{length}"

    @property
    def kind_of_task(self) -> str:
        """The task's name in the registry."""
        return str(getattr(self.task, "kind", ""))


def config_schema() -> Schema:
    """Return the JSON schema (draft 2020-12) of a run's configuration, without references."""
    return {"$schema": DIALECT, **object_node(RunConfig).schema()}
