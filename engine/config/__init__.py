"""A run's configuration: one declaration for Python, command line, REST, schema and form."""

from engine.config.capture import CaptureConfig, capture_schema, config_of, is_captured
from engine.config.clipping import AdaptiveClipping, Clipping, NormClipping, ValueClipping
from engine.config.model import LeakyRelu, ModelConfig
from engine.config.optimizers import Adagrad, Adam, AdamW, Optimizer, RmsProp, Sgd
from engine.config.recording import RecordingConfig
from engine.config.regularizers import Regularizer, VanishingRegularizer
from engine.config.run import RunConfig, config_schema
from engine.config.schedules import (
    ConstantSchedule,
    CosineSchedule,
    ExponentialSchedule,
    PlateauSchedule,
    Schedule,
    StepSchedule,
    WarmupCosineSchedule,
)
from engine.config.training import TrainingConfig

__all__ = [
    "Adagrad",
    "Adam",
    "AdamW",
    "AdaptiveClipping",
    "CaptureConfig",
    "Clipping",
    "ConstantSchedule",
    "CosineSchedule",
    "ExponentialSchedule",
    "LeakyRelu",
    "ModelConfig",
    "NormClipping",
    "Optimizer",
    "PlateauSchedule",
    "RecordingConfig",
    "Regularizer",
    "RmsProp",
    "RunConfig",
    "Schedule",
    "Sgd",
    "StepSchedule",
    "TrainingConfig",
    "ValueClipping",
    "VanishingRegularizer",
    "WarmupCosineSchedule",
    "capture_schema",
    "config_of",
    "config_schema",
    "is_captured",
]
