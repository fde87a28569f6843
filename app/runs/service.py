"""The verbs: what may be asked of runs, whoever asks."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import engine
from app.runs.descriptions import require_valid
from app.runs.ensemble import formed
from app.runs.executor import Executor
from app.runs.inputs import Described, described, inputs_of
from app.runs.limits import require_affordable
from app.runs.states import (
    UNDER_WAY,
    IllegalTransition,
    RunStatus,
    require_status,
    require_transition,
)
from app.settings import Settings
from app.store import NewMember, Run, RunNotFound, Store, Sweep
from app.store.run_table import NewRun

__all__ = ["RunService", "described"]


class RunService:
    """Creates, cancels and deletes runs; the executor does the work."""

    def __init__(self, store: Store, executor: Executor, settings: Settings) -> None:
        """Keep what the verbs need; nothing starts before `start`."""
        self._store = store
        self._executor = executor
        self._settings = settings

    def start(self) -> None:
        """Start the executor; runs that a dead server left behind are queued again.

        What it left behind of runs that are deleted is removed.
        """
        self._store.remove_orphans()
        self._executor.start()

    def leave(self) -> None:
        """Tell the executor to stop; return at once, so that others can end meanwhile."""
        self._executor.leave()

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
            ConfigError: The configuration cannot be run, or needs too much memory.
            IdempotencyConflict: The key came before with another configuration.
            QueueFull: The queue is full.
        """
        complete, facts, layouts = self.described(config)
        run, created = self._store.runs.create(
            complete,
            facts,
            layouts,
            idempotency_key=idempotency_key,
            max_queue=self._settings.max_queue,
        )
        self._executor.wake()
        return run, created

    def create_all(self, configs: Sequence[Mapping[str, Any]]) -> list[Run]:
        """Queue a run of each configuration, or none at all.

        Raises:
            ConfigError: One of them cannot be run, or needs too much memory.
            QueueFull: There is no room for all of them.
        """
        new = [NewRun(*self.described(config)) for config in configs]
        made = self._store.runs.create_all(new, max_queue=self._settings.max_queue)
        self._executor.wake()
        return made

    def create_sweep(
        self,
        body: Mapping[str, Any],
        name: str,
        members: Sequence[NewMember],
        skipped: Sequence[Mapping[str, Any]],
        idempotency_key: str | None,
    ) -> tuple[Sweep, bool]:
        """Queue the runs of a sweep, or none; small ones of one shape are trained side by side."""
        ensembles = formed(
            [member.run.config for member in members],
            workers=self._settings.workers,
            most_bytes=self._settings.max_run_bytes,
        )
        made = self._store.sweeps.create(
            body,
            name,
            members,
            skipped,
            ensembles=ensembles,
            idempotency_key=idempotency_key,
            max_queue=self._settings.max_queue,
        )
        self._executor.wake()
        return made

    def described(self, config: Mapping[str, Any]) -> Described:
        """Return what the row of a run says of its configuration; see `described`.

        Raises:
            ConfigError: It cannot be run, or needs more memory or disk than a run may take.
        """
        settings = self._settings
        return described(
            config,
            self._store,
            most_bytes=settings.max_run_bytes,
            most_stored=settings.max_run_stored_bytes,
        )

    def estimate(self, config: Mapping[str, Any]) -> engine.Estimate:
        """Return what a run of a configuration will need.

        Raises:
            ConfigError: It cannot be run.
        """
        parsed = engine.RunConfig.from_dict(config)
        return engine.estimate(parsed, inputs_of(self._store, parsed).data)

    def affordable(self, config: Mapping[str, Any]) -> engine.Estimate:
        """Return what a run of a configuration will need, where one may take that.

        Raises:
            ConfigError: It cannot be run, or needs more memory or disk than a run may take.
        """
        needed, settings = self.estimate(config), self._settings
        require_affordable(
            needed, memory=settings.max_run_bytes, stored=settings.max_run_stored_bytes
        )
        return needed

    def cancel(self, run_id: str) -> Run:
        """Cancel a run: at once where it waits, within two seconds where it runs.

        Raises:
            RunNotFound: There is no such run.
            IllegalTransition: It is over, in another way than cancelled.
        """
        queue = self._store.queue

        def act(run: Run) -> bool:
            require_transition(run_id, run.status, RunStatus.CANCELLED, "cancel")
            if engine.is_captured(run.config):
                return self._store.captures.cancel(run_id)
            return queue.cancel_waiting(run_id) or queue.request_cancel(run_id)

        return self._apply(run_id, lambda run: run.status == RunStatus.CANCELLED, act)

    def cancel_unless_over(self, run_id: str) -> None:
        """Cancel a run; one that is over, or deleted, stays as it is."""
        with contextlib.suppress(IllegalTransition, RunNotFound):
            self.cancel(run_id)

    def pause(self, run_id: str) -> Run:
        """Let a running run save and stop until it is resumed.

        Raises:
            RunNotFound: There is no such run.
            IllegalTransition: It does not run.
        """

        def act(run: Run) -> bool:
            require_transition(run_id, run.status, RunStatus.PAUSED, "pause")
            _require_own(run, "pause")
            return self._store.queue.request_pause(run_id)

        def already(run: Run) -> bool:
            return run.status == RunStatus.PAUSED or run.requested == "pause"

        return self._apply(run_id, already, act)

    def resume(self, run_id: str) -> Run:
        """Queue a paused run again, or take a pause back that is still to come.

        Raises:
            RunNotFound: There is no such run.
            IllegalTransition: It is not paused.
        """

        def act(run: Run) -> bool:
            return self._store.queue.withdraw_pause(run_id) or self._requeue(run, "resume")

        def already(run: Run) -> bool:
            return run.requested is None and _is_under_way(run, "resume")

        return self._apply(run_id, already, act)

    def extend(self, run_id: str, steps: object) -> Run:
        """Train a run that succeeded for more steps, from where it ended.

        Args:
            run_id: The run.
            steps: Its training steps in all.

        Raises:
            RunNotFound: There is no such run.
            IllegalTransition: It has not succeeded.
            ConfigError: It is no number of steps, or fewer than the run has.
        """

        def act(run: Run) -> bool:
            require_status(run_id, run.status, "extend")
            _require_own(run, "extend")
            longer = engine.RunConfig.from_dict(run.config).extended(steps)
            inputs_of(self._store, longer)
            return self._requeue(run, "extend", longer.to_dict())

        def already(run: Run) -> bool:
            extended = run.status == RunStatus.SUCCEEDED or _is_under_way(run, "extend")
            return extended and steps == run.steps and not isinstance(steps, bool)

        return self._apply(run_id, already, act)

    def retry(self, run_id: str) -> Run:
        """Queue a failed run again; it goes on from its last checkpoint.

        Raises:
            RunNotFound: There is no such run.
            IllegalTransition: It has not failed.
        """
        return self._apply(
            run_id,
            lambda run: _is_under_way(run, "retry"),
            lambda run: self._requeue(run, "retry"),
        )

    def _requeue(self, run: Run, verb: str, config: Mapping[str, Any] | None = None) -> bool:
        require_status(run.id, run.status, verb)
        _require_own(run, verb)
        return self._store.queue.requeue(run.id, before=run.status, by=verb, config=config)

    def _apply(
        self, run_id: str, already: Callable[[Run], bool], act: Callable[[Run], bool]
    ) -> Run:
        """Act on a run unless that is done already; where it moved on meanwhile, look again."""
        while not already(run := self._store.runs.get(run_id)):
            if act(run):
                self._executor.wake()
                return self._store.runs.get(run_id)
        return run

    def describe(self, run_id: str, changes: Mapping[str, Any]) -> Run:
        """Change a run's name, tags or notes; what is not named stays.

        Raises:
            RunNotFound: There is no such run.
            ConfigError: A value that no run may have.
        """
        config = self._store.runs.get(run_id).config
        require_valid(config, changes)
        return self._store.runs.update(run_id, **changes)

    def delete(self, run_id: str) -> None:
        """Delete a run that is over, with everything recorded of it.

        Raises:
            RunNotFound: There is no such run.
            IllegalTransition: It is not over yet.
        """
        run = self._store.runs.get(run_id)
        if not self._store.delete_run(run_id):
            raise IllegalTransition(run_id, run.status, "delete")


def _require_own(run: Run, verb: str) -> None:
    """Refuse a verb that a training loop elsewhere knows nothing of."""
    if engine.is_captured(run.config):
        raise IllegalTransition(run.id, "trained elsewhere", verb)


def _is_under_way(run: Run, verb: str) -> bool:
    """Return whether a verb has queued a run again that has not ended since."""
    return run.status in UNDER_WAY and run.queued_by == verb
