"""Figures: pure functions from slices of runs to Plotly figures, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from app.figures import (
    activation_comparison,
    activation_slope_histogram,
    decay,
    gradient_norm,
    hidden_gradient,
    hidden_gradient_norm,
    loss,
    loss_state_gradient,
    saturation,
)
from app.figures.base import FigureDefinition, FigureOptions, RunData
from app.figures.loading import load

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
        )
    }
)

__all__ = ["FIGURES", "FigureDefinition", "FigureOptions", "RunData", "load"]
