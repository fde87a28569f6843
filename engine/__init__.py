"""Gradtide engine: exact back-propagation through time in NumPy, and what its gradients say."""

from engine.diagnosis import Verdict
from engine.recording import Frame, Layout
from engine.statistics import STATISTICS, StatisticDefinition

__all__ = ["STATISTICS", "Frame", "Layout", "StatisticDefinition", "Verdict"]
