"""Every statistic that can be recorded, by name; the order is that of the form and the catalog."""

from collections.abc import Mapping
from types import MappingProxyType

from engine.statistics import (
    accuracy,
    activation,
    activation_slope,
    activation_slope_histogram,
    clip_factor,
    dead_units,
    gain_factors,
    gain_factors_left_out,
    gradient_norm,
    hidden_gradient,
    hidden_gradient_norm,
    immediate_gradient_norm,
    last_loss_gradient,
    learning_rate,
    loss,
    loss_state_gradient,
    parameter_gradient_norm,
    saturation,
    validation_accuracy,
    validation_loss,
    weight_geometry,
)
from engine.statistics.base import AxisFacts, Coordinates, Observed, Scale, StatisticDefinition

STATISTICS: Mapping[str, StatisticDefinition] = MappingProxyType(
    {
        "loss": loss.STATISTIC,
        "accuracy": accuracy.STATISTIC,
        "validation_loss": validation_loss.STATISTIC,
        "validation_accuracy": validation_accuracy.STATISTIC,
        "hidden_gradient_norm": hidden_gradient_norm.STATISTIC,
        "hidden_gradient": hidden_gradient.STATISTIC,
        "loss_state_gradient": loss_state_gradient.STATISTIC,
        "last_loss_gradient": last_loss_gradient.STATISTIC,
        "immediate_gradient_norm": immediate_gradient_norm.STATISTIC,
        "activation": activation.STATISTIC,
        "activation_slope": activation_slope.STATISTIC,
        "activation_slope_histogram": activation_slope_histogram.STATISTIC,
        "saturation": saturation.STATISTIC,
        "dead_units": dead_units.STATISTIC,
        "gain_factors": gain_factors.STATISTIC,
        "gain_factors_left_out": gain_factors_left_out.STATISTIC,
        "gradient_norm": gradient_norm.STATISTIC,
        "clip_factor": clip_factor.STATISTIC,
        "learning_rate": learning_rate.STATISTIC,
        "parameter_gradient_norm": parameter_gradient_norm.STATISTIC,
        "weight_geometry": weight_geometry.STATISTIC,
    }
)

__all__ = ["STATISTICS", "AxisFacts", "Coordinates", "Observed", "Scale", "StatisticDefinition"]
