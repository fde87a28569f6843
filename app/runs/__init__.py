"""Runs: their states, the verbs, the worker and the executor; no HTTP."""

from app.runs.local import LocalExecutor
from app.runs.service import Executor, RunService
from app.runs.states import TERMINAL, TRANSITIONS, IllegalTransition, RunError, RunStatus

__all__ = [
    "TERMINAL",
    "TRANSITIONS",
    "Executor",
    "IllegalTransition",
    "LocalExecutor",
    "RunError",
    "RunService",
    "RunStatus",
]
