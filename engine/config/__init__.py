"""A run's configuration: one declaration for Python, command line, REST, schema and form."""

from engine.config.model import LeakyRelu, ModelConfig
from engine.config.recording import RecordingConfig
from engine.config.run import RunConfig, config_schema
from engine.config.training import (
    Adam,
    Clipping,
    ConstantSchedule,
    CosineSchedule,
    NormClipping,
    Optimizer,
    Schedule,
    Sgd,
    TrainingConfig,
    ValueClipping,
)

__all__ = [
    "Adam",
    "Clipping",
    "ConstantSchedule",
    "CosineSchedule",
    "LeakyRelu",
    "ModelConfig",
    "NormClipping",
    "Optimizer",
    "RecordingConfig",
    "RunConfig",
    "Schedule",
    "Sgd",
    "TrainingConfig",
    "ValueClipping",
    "config_schema",
]
