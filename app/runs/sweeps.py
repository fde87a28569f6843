"""Sweeps: grids of runs, made together and looked at together."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.json_texts import escape
from app.runs.grids import axis_label, pointer_of, read_grid
from app.runs.limits import stored_bytes
from app.runs.service import RunService
from app.runs.states import TERMINAL, IllegalTransition, RunStatus
from app.store import NewMember, RunNotFound, Store, Sweep, Tally
from app.store.run_table import NewRun
from engine import ConfigError, Estimate, Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a grid will make, and what that takes.

    Attributes:
        runs: How many runs.
        steps: Their training steps in all.
        memory: Bytes that the largest of them takes.
        stored: Bytes that all of them keep.
        refused: The combinations that cannot be run, and why.
    """

    runs: int
    steps: int
    memory: int
    stored: int
    refused: Sequence[tuple[Mapping[str, Any], str]]


class Sweeps:
    """The verbs of sweeps."""

    def __init__(self, store: Store, runs: RunService, most_runs: int) -> None:
        """Make sweeps of at most so many runs."""
        self._store = store
        self._runs = runs
        self._most = most_runs

    def create(
        self, body: Mapping[str, Any], idempotency_key: str | None = None
    ) -> tuple[Sweep, bool]:
        """Queue the runs of a grid, all of them or none; combinations that are refused are skipped.

        Args:
            body: `base`, `axes` and, where there are several runs of each combination, `repeats`.
            idempotency_key: The same key with the same body makes one sweep only.

        Returns:
            The sweep, and whether this call made it.

        Raises:
            ConfigError: It is no grid, too large, or none of its combinations can be run.
            IdempotencyConflict: The key came before with another body.
            QueueFull: There is no room for all of its runs.
        """
        before = self._store.sweeps.made_before(idempotency_key, body)
        if before is not None:
            return before, False
        grid = read_grid(body, self._most)
        members: list[NewMember] = []
        skipped: list[dict[str, Any]] = []
        refusals: list[tuple[dict[str, Any], ConfigError]] = []
        for cell, values in grid.combinations():
            try:
                configs = grid.configurations(values)
                runs = [NewRun(*self._runs.described(config)) for config in configs]
            except ConfigError as error:
                refusals.append((values, error))
                skipped.append({"cell": cell, "values": values, "reason": str(error)})
            else:
                members += [NewMember(cell, repeat, run) for repeat, run in enumerate(runs)]
        if not members:
            raise ConfigError(_places_of(refusals, grid.axes))
        name = grid.base.get("name") or " × ".join(axis_label(path) for path in grid.axes)
        return self._runs.create_sweep(body, name, members, skipped, idempotency_key)

    def preview(self, body: Mapping[str, Any]) -> Preview:
        """Return what a grid will make and take, without making it.

        Raises:
            ConfigError: It is no grid, too large, or none of its combinations can be run.
        """
        grid = read_grid(body, self._most)
        needed: list[Estimate] = []
        steps = 0
        refusals: list[tuple[dict[str, Any], ConfigError]] = []
        for _, values in grid.combinations():
            try:
                config = grid.configurations(values)[0]
                needed.append(self._runs.affordable(config))
            except ConfigError as error:
                refusals.append((values, error))
            else:
                steps += int(config["training"]["steps"]) * grid.repeats
        if not needed:
            raise ConfigError(_places_of(refusals, grid.axes))
        return Preview(
            runs=len(needed) * grid.repeats,
            steps=steps,
            memory=max(each.memory for each in needed),
            stored=sum(stored_bytes(each) for each in needed) * grid.repeats,
            refused=[(values, str(error)) for values, error in refusals],
        )

    def cancel(self, sweep_id: str) -> Sweep:
        """Cancel every run of a sweep that is not over.

        Raises:
            SweepNotFound: There is no such sweep.
            IllegalTransition: All of its runs are over, and none was cancelled.
        """
        sweep = self._store.sweeps.get(sweep_id)
        runs = [member.run for member in self._store.sweeps.members(sweep_id)]
        waiting = [run for run in runs if run.status not in TERMINAL]
        if not waiting and not any(run.status == RunStatus.CANCELLED for run in runs):
            raise IllegalTransition(sweep_id, "finished", "cancel", what="sweep")
        for run in reversed(waiting):  # the last first: no worker takes the next one meanwhile
            self._runs.cancel_unless_over(run.id)
        return sweep

    def delete(self, sweep_id: str, *, with_runs: bool) -> None:
        """Delete a sweep, and its runs where that is wanted and all of them are over.

        Raises:
            SweepNotFound: There is no such sweep.
            IllegalTransition: A run that is to go with it is not over.
        """
        self._store.sweeps.get(sweep_id)
        runs = [member.run for member in self._store.sweeps.members(sweep_id)] if with_runs else []
        if any(run.status not in TERMINAL for run in runs):
            raise IllegalTransition(sweep_id, "running", "delete", what="sweep")
        for run in runs:
            with contextlib.suppress(RunNotFound):
                self._runs.delete(run.id)
        self._store.sweeps.delete(sweep_id)


def _places_of(
    refusals: Sequence[tuple[Mapping[str, Any], ConfigError]], axes: Mapping[str, Sequence[Any]]
) -> list[Problem]:
    """Return where the values stand for which no combination can be run; at least `/axes`."""
    found: dict[str, str] = {}
    for values, error in refusals:
        for problem in error.problems:
            for path, value in values.items():
                place = pointer_of(path)
                if problem.pointer == place or problem.pointer.startswith(f"{place}/"):
                    index = list(axes[path]).index(value)
                    inside = problem.pointer.removeprefix(place)
                    found.setdefault(f"/axes/{escape(path)}/{index}{inside}", problem.detail)
    reason = f"no combination can be run: {refusals[0][1]}"
    return [Problem(*each) for each in found.items()] or [Problem("/axes", reason)]


def status_of(tallies: Mapping[str, Tally]) -> str:
    """Return how far a sweep is: queued, running, finished, or cancelled."""
    if not set(tallies) <= TERMINAL:
        return "queued" if set(tallies) == {RunStatus.QUEUED} else "running"
    return "cancelled" if RunStatus.CANCELLED in tallies else "finished"
