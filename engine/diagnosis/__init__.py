"""From frames to a verdict: what is wrong with a run, why, and what to try."""

from engine.diagnosis.course import Course
from engine.diagnosis.finding import Evidence
from engine.diagnosis.merge_patch import apply_patch
from engine.diagnosis.remedies import Remedy, remedies_for
from engine.diagnosis.span import Span, measure_span
from engine.diagnosis.verdict import Verdict, diagnose
from engine.diagnosis.words import Word

__all__ = [
    "Course",
    "Evidence",
    "Remedy",
    "Span",
    "Verdict",
    "Word",
    "apply_patch",
    "diagnose",
    "measure_span",
    "remedies_for",
]
