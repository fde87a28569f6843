"""Recorders look at snapshots and turn them into frames; they know no training loop."""

from engine.recording.frame import Frame, Series
from engine.recording.layout import Layout, layouts
from engine.recording.recorder import Recorder

__all__ = ["Frame", "Layout", "Recorder", "Series", "layouts"]
