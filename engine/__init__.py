"""Gradtide engine: exact back-propagation through time in NumPy, and what its gradients say.

The names in `__all__` are all that its users need: `RunConfig` and `record` for a run from
beginning to end, `train` for its snapshots one by one, `trace` for one sweep of given weights,
`catalog` for what there is to choose from. Behind them, each importing only from those below it:

    results, watching                from frames to a whole run; what a loop elsewhere hands over
    catalog, tracing, estimate       what there is, one sweep, what a run will need
    compilation                      compiling ahead, so that no run waits for it
    recording, diagnosis             from snapshots to frames, from frames to a verdict
    learning                         the training loop, optimizers, schedules, clipping
    config                           what a run is told
    statistics                       one file for each number that is recorded
    bptt                             network, sweep, adjoints, Jacobians
    compiled                         loops over time for some cells, compiled where numba is
    cells, tasks                     one file for each
    activations, initializers        what cells are bound to, and how weights start
    schema, arrays                   described dataclasses; types and shapes
    errors, parameter_names, blas    what is refused, what is called how; products on one thread

A cell, a task or a statistic is added as one file and one name in its package's mapping; what
they are is said in engine/cells, engine/tasks/base.py and engine/statistics/base.py.

What trains and records is loaded with the package; what explains, judges and watches is loaded when
it is first asked for, so that a fresh process comes to its first recorded step sooner.
"""

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine import bounds
from engine.arrays import layer_axis
from engine.catalog import catalog, describe_task
from engine.compiled import backend, why_plain
from engine.config import (
    CaptureConfig,
    RunConfig,
    capture_schema,
    config_of,
    config_schema,
    is_captured,
)
from engine.errors import ConfigError, EngineError, Problem, ShapeError, UnknownNameError
from engine.estimate import Estimate, estimate
from engine.learning import (
    Many,
    Member,
    Replica,
    Report,
    Snapshot,
    State,
    ensembles,
    report_of,
    train,
    train_many,
)
from engine.parameter_names import READOUT_BIAS, READOUT_WEIGHT
from engine.recording import Frame, Layout, Recorder, Series, layouts
from engine.statistics import STATISTICS, StatisticDefinition
from engine.tasks import describe_arrays, require_shapes

if TYPE_CHECKING:
    from engine.compilation import compile_loops
    from engine.diagnosis import (
        Course,
        Evidence,
        Remedy,
        Verdict,
        apply_patch,
        diagnose,
        remedies_for,
    )
    from engine.results import Recorded, RunResult, record
    from engine.tracing import Chain, Factor, Trace, trace
    from engine.watching import Taken, frame_of

__version__ = "0.1.0"

_LATER: Mapping[str, str] = MappingProxyType(
    {
        "compilation": "compile_loops",
        "diagnosis": "Course Evidence Remedy Verdict apply_patch diagnose remedies_for",
        "results": "Recorded RunResult record",
        "tracing": "Chain Factor Trace trace",
        "watching": "Taken frame_of",
    }
)
"""Names that a module is loaded for when the first of them is asked for."""

__all__ = [
    "READOUT_BIAS",
    "READOUT_WEIGHT",
    "STATISTICS",
    "CaptureConfig",
    "Chain",
    "ConfigError",
    "Course",
    "EngineError",
    "Estimate",
    "Evidence",
    "Factor",
    "Frame",
    "Layout",
    "Many",
    "Member",
    "Problem",
    "Recorded",
    "Recorder",
    "Remedy",
    "Replica",
    "Report",
    "RunConfig",
    "RunResult",
    "Series",
    "ShapeError",
    "Snapshot",
    "State",
    "StatisticDefinition",
    "Taken",
    "Trace",
    "UnknownNameError",
    "Verdict",
    "__version__",
    "apply_patch",
    "backend",
    "bounds",
    "capture_schema",
    "catalog",
    "compile_loops",
    "config_of",
    "config_schema",
    "describe_arrays",
    "describe_task",
    "diagnose",
    "ensembles",
    "estimate",
    "frame_of",
    "is_captured",
    "layer_axis",
    "layouts",
    "record",
    "remedies_for",
    "report_of",
    "require_shapes",
    "trace",
    "train",
    "train_many",
    "why_plain",
]

if not TYPE_CHECKING:  # to a type checker all names are there, and no other

    def __getattr__(name: str) -> object:
        """Load the module that a name is in, and keep all that is asked of it."""
        for module, names in _LATER.items():
            if name in names.split():
                found = importlib.import_module(f"engine.{module}")
                globals().update({each: getattr(found, each) for each in names.split()})
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        """Name what has not been loaded yet, too: help and completion ask for it."""
        return sorted({*globals(), *__all__})
