"""Gradtide engine: exact back-propagation through time in NumPy, and what its gradients say."""

from engine.arrays import layer_axis
from engine.catalog import catalog, describe_task
from engine.compilation import compile_loops
from engine.compiled import backend, why_plain
from engine.config import (
    CaptureConfig,
    RunConfig,
    capture_schema,
    config_of,
    config_schema,
    is_captured,
)
from engine.diagnosis import Course, Evidence, Remedy, Verdict, apply_patch, diagnose, remedies_for
from engine.errors import ConfigError, EngineError, Problem, ShapeError, UnknownNameError
from engine.estimate import Estimate, estimate
from engine.learning import Many, Member, Snapshot, ensembles, train, train_many
from engine.recording import Frame, Layout, Recorder, Series, layouts
from engine.results import Recorded, RunResult, record
from engine.statistics import STATISTICS, StatisticDefinition
from engine.tasks import describe_arrays, require_shapes
from engine.tracing import Chain, Factor, Trace, trace
from engine.watching import Taken, frame_of

__version__ = "0.1.0"

__all__ = [
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
    "RunConfig",
    "RunResult",
    "Series",
    "ShapeError",
    "Snapshot",
    "StatisticDefinition",
    "Taken",
    "Trace",
    "UnknownNameError",
    "Verdict",
    "__version__",
    "apply_patch",
    "backend",
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
    "require_shapes",
    "trace",
    "train",
    "train_many",
    "why_plain",
]
