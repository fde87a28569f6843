"""A recorded run from beginning to end: where training, recording and diagnosis meet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.catalog import describe_task
from engine.config import RunConfig
from engine.diagnosis import Course, Verdict, diagnose
from engine.errors import UnknownNameError
from engine.learning import train
from engine.recording import Frame, Layout, Recorder
from engine.statistics import Coordinates, Scale
from engine.tasks import Data


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """Everything recorded of one statistic.

    Attributes:
        axes: Names of the axes of `values`; the first is "step".
        coords: Coordinates of every axis, the training steps included.
        values: The numbers, read-only.
    """

    name: str
    axes: tuple[str, ...]
    coords: Mapping[str, Coordinates]
    values: Array
    scale: Scale


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """A run that has ended, with its frames.

    Attributes:
        frames: In the order of their steps; at least the one of step 0.
        layouts: What the frames hold.
        verdict: What the last frame says (its figures those of the last finite one).
        parameters: The weights at the end, by public name.
        diverged: The loss stopped being finite at the last frame's step.
    """

    config: RunConfig
    frames: tuple[Frame, ...]
    layouts: Mapping[str, Layout]
    verdict: Verdict
    parameters: Mapping[str, Array]

    @property
    def diverged(self) -> bool:
        """Whether the run ended because its loss was no longer finite."""
        return self.frames[-1].diverged

    def statistic(self, name: str) -> Recorded:
        """Return everything recorded of one statistic.

        Raises:
            UnknownNameError: The run did not record it.
        """
        if name not in self.layouts:
            raise UnknownNameError("statistic", name, self.layouts)
        layout = self.layouts[name]
        if layout.per_step:
            values = np.concatenate([frame.series[name] for frame in self.frames])
            start = self.frames[0].series_start
            steps = tuple(range(start, start + len(values)))
        else:
            values = np.stack([frame.arrays[name] for frame in self.frames])
            steps = tuple(frame.step for frame in self.frames)
        values.setflags(write=False)
        return Recorded(
            name=name,
            axes=layout.axes,
            coords={"step": steps, **layout.coords},
            values=values,
            scale=layout.scale,
        )


def record(
    config: RunConfig,
    *,
    data: Data | None = None,
    initial: Mapping[str, Array] | None = None,
) -> RunResult:
    """Train as `config` says and keep every frame; `data` and `initial` as `train` takes them.

    Example:
        >>> config = RunConfig.from_dict({
        ...     "task": {"kind": "adding", "length": 10},
        ...     "model": {"cell": "elman", "hidden_size": 4},
        ...     "training": {"steps": 4}, "recording": {"every": 2}})
        >>> result = record(config)
        >>> result.statistic("hidden_gradient_norm").coords["step"]
        (0, 2, 4)
    """
    recorder = Recorder(config, data)
    frames: list[Frame] = []
    for snapshot in train(config, data=data, initial=initial):
        frame = recorder.look(snapshot)
        if frame is not None:
            frames.append(frame)
        network = snapshot.network
    return RunResult(
        config=config,
        frames=tuple(frames),
        layouts=recorder.layouts,
        verdict=judge(frames, config, data),
        parameters=network.parameters(),
    )


def judge(frames: Sequence[Frame], config: RunConfig, data: Data | None = None) -> Verdict:
    """Return the verdict on all frames of a run so far, at least one."""
    facts = describe_task(config, data)
    course = Course()
    verdict: Verdict | None = None
    for frame in frames:
        course.add(frame.series)
        verdict = diagnose(frame, config, course=course, earlier=verdict, facts=facts)
    if verdict is None:
        raise ValueError("expected at least one frame, got none")
    return verdict
