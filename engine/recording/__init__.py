"""Recorders look at snapshots and turn them into frames; they know no training loop."""

from engine.recording.frame import Frame
from engine.recording.layout import Layout, layouts

__all__ = ["Frame", "Layout", "layouts"]
