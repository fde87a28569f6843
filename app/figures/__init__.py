"""Figures: pure functions from slices of runs to Plotly figures, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from app.figures import (
    accuracy,
    activation,
    activation_comparison,
    activation_curves,
    activation_product,
    activation_slope,
    activation_slope_histogram,
    cell_gradient_norm,
    clipping,
    dead_units,
    decay,
    gain_factors,
    gate,
    gradient_difference,
    gradient_norm,
    hidden_gradient,
    hidden_gradient_norm,
    immediate_gradient_norm,
    jacobian_product_norm,
    jacobian_singular_values,
    learning_rate,
    loss,
    loss_state_gradient,
    lyapunov_spectrum,
    output_gradient_norm,
    parameter_gradient_histogram,
    parameter_gradient_norm,
    path_gradient,
    preactivation_histogram,
    saturation,
    update_ratio,
    weight_geometry,
)
from app.figures.base import TRACES, FigureDefinition, FigureOptions, RunData
from app.figures.loading import Reader, load

FIGURES: Mapping[str, FigureDefinition] = MappingProxyType(
    {
        figure.name: figure
        for figure in (
            hidden_gradient_norm.FIGURE,
            hidden_gradient.FIGURE,
            loss_state_gradient.FIGURE,
            decay.FIGURE,
            activation_slope_histogram.FIGURE,
            activation_comparison.FIGURE,
            loss.FIGURE,
            gradient_norm.FIGURE,
            saturation.FIGURE,
            immediate_gradient_norm.FIGURE,
            cell_gradient_norm.FIGURE,
            output_gradient_norm.FIGURE,
            path_gradient.FIGURE,
            gain_factors.FIGURE,
            jacobian_singular_values.FIGURE,
            jacobian_product_norm.FIGURE,
            lyapunov_spectrum.FIGURE,
            gate.FIGURE,
            activation.FIGURE,
            activation_slope.FIGURE,
            parameter_gradient_norm.FIGURE,
            update_ratio.FIGURE,
            clipping.FIGURE,
            accuracy.FIGURE,
            learning_rate.FIGURE,
            dead_units.FIGURE,
            parameter_gradient_histogram.FIGURE,
            preactivation_histogram.FIGURE,
            weight_geometry.FIGURE,
            gradient_difference.FIGURE,
            activation_curves.FIGURE,
            activation_product.FIGURE,
        )
    }
)

__all__ = ["FIGURES", "TRACES", "FigureDefinition", "FigureOptions", "Reader", "RunData", "load"]
