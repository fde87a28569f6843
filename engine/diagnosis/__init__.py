"""From frames to a verdict: how far back the last loss is heard, and the word for it."""

from engine.diagnosis.span import Span, measure_span
from engine.diagnosis.verdict import Verdict, Word, diagnose

__all__ = ["Span", "Verdict", "Word", "diagnose", "measure_span"]
