"""The verbs: what may be asked of runs, whoever asks."""

from collections.abc import Mapping
from typing import Any, Protocol

import engine
from app.runs.states import IllegalTransition, RunStatus, require_transition
from app.settings import Settings
from app.store import Run, Store
from app.store.layouts import stored


class Executor(Protocol):
    """Where runs execute: it takes queued runs from the store by itself."""

    def start(self) -> None:
        """Begin to take queued runs and to watch over the running ones."""

    def stop(self) -> None:
        """Let running workers save and go; return when they are gone."""

    def wake(self) -> None:
        """Say that there may be something to do now."""

    @property
    def is_alive(self) -> bool:
        """Whether the executor is at work."""


class RunService:
    """Creates, cancels and deletes runs; the executor does the work."""

    def __init__(self, store: Store, executor: Executor, settings: Settings) -> None:
        """Keep what the verbs need; nothing starts before `start`."""
        self._store = store
        self._executor = executor
        self._settings = settings

    def start(self) -> None:
        """Start the executor; runs that a dead server left behind are queued again."""
        self._executor.start()

    def stop(self) -> None:
        """Stop the executor; running runs become interrupted and go on at the next start."""
        self._executor.stop()

    @property
    def is_ready(self) -> bool:
        """Whether runs are being executed."""
        return self._executor.is_alive

    def create(
        self, config: Mapping[str, Any], idempotency_key: str | None = None
    ) -> tuple[Run, bool]:
        """Queue a run of a configuration.

        Returns:
            The run, and whether this call made it: the same key with the same configuration
            gives the first run again.

        Raises:
            ConfigError: The configuration cannot be run.
            IdempotencyConflict: The key came before with another configuration.
            QueueFull: The queue is full.
        """
        complete, facts, layouts = described(config)
        run, created = self._store.runs.create(
            complete,
            facts,
            layouts,
            idempotency_key=idempotency_key,
            max_queue=self._settings.max_queue,
        )
        self._executor.wake()
        return run, created

    def cancel(self, run_id: str) -> Run:
        """Cancel a run: at once where it waits, within two seconds where it runs.

        Raises:
            RunNotFound: There is no such run.
            IllegalTransition: It is over, in another way than cancelled.
        """
        run = self._store.runs.get(run_id)
        if run.status == RunStatus.CANCELLED:
            return run
        require_transition(run_id, run.status, RunStatus.CANCELLED, "cancel")
        # It may move on between two looks: one of the two calls finds it, or it is over.
        for _ in range(2):
            if self._store.queue.cancel_waiting(run_id) or self._store.queue.request_cancel(run_id):
                break
        self._executor.wake()
        run = self._store.runs.get(run_id)
        if RunStatus(run.status).is_terminal and run.status != RunStatus.CANCELLED:
            raise IllegalTransition(run_id, run.status, "cancel")
        return run

    def delete(self, run_id: str) -> None:
        """Delete a run that is over, with everything recorded of it.

        Raises:
            RunNotFound: There is no such run.
            IllegalTransition: It is not over yet.
        """
        run = self._store.runs.get(run_id)
        if not self._store.delete_run(run_id):
            raise IllegalTransition(run_id, run.status, "delete")


def described(
    config: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """Return a complete configuration, its task's facts and the layouts it will record.

    Raises:
        ConfigError: The configuration cannot be run.
    """
    parsed = engine.RunConfig.from_dict(config)
    layouts = [stored(layout).to_dict() for layout in engine.layouts(parsed).values()]
    return parsed.to_dict(), engine.describe_task(parsed), layouts
