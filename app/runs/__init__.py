"""Runs: their states, the verbs, the worker and the executors; no HTTP."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from app.runs.cluster import UnfitWorkers
from app.runs.executor import Executor
from app.runs.local import LocalExecutor
from app.runs.remote import RemoteExecutor
from app.runs.service import RunService
from app.runs.states import (
    TERMINAL,
    TRANSITIONS,
    IllegalTransition,
    RunError,
    RunStatus,
    status_word,
)
from app.settings import Settings
from app.store import Store

EXECUTORS: Mapping[str, Callable[[Store, Settings], Executor]] = MappingProxyType(
    {executor.name: executor for executor in (LocalExecutor, RemoteExecutor)}
)

__all__ = [
    "EXECUTORS",
    "TERMINAL",
    "TRANSITIONS",
    "Executor",
    "IllegalTransition",
    "RunError",
    "RunService",
    "RunStatus",
    "UnfitWorkers",
    "executor_of",
    "status_word",
]


def executor_of(store: Store, settings: Settings) -> Executor:
    """Return the executor that the settings name.

    Raises:
        MissingDriverError: It needs an extra that is not installed.
    """
    return EXECUTORS[settings.executor](store, settings)
