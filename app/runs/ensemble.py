"""Runs that are trained side by side in one process: formed, and trained."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import engine
from app.runs.controls import Controls
from app.runs.progress import PROGRESS_SECONDS
from app.runs.training import Attempt, state_after
from app.store import Store
from app.store.claims import Claim

SHARE_OF_ENSEMBLES = 16
"""Members from which a second process gains more than the smaller ensembles lose."""

SECONDS_A_MEMBER = 0.05
"""Of progress reports of the whole ensemble: twenty a second keep the database quiet."""

SAVED_AS_ONE = 2
"""Members that save as often as a run by itself does; more save more rarely, each in turn, so that
an ensemble trains more than it saves."""


def formed(
    configs: Sequence[Mapping[str, Any]], *, workers: int, most_bytes: int
) -> list[list[int]]:
    """Return which of these runs are trained side by side: their places, in groups of several.

    Args:
        configs: The complete configurations.
        workers: Processes that may work at once.
        most_bytes: Memory that one process may take.
    """
    own = [place for place, config in enumerate(configs) if _makes_its_data(config)]
    parsed = [engine.RunConfig.from_dict(configs[place]) for place in own]
    found = []
    for group in engine.ensembles(parsed):
        room = max(1, most_bytes // engine.estimate(parsed[group[0]]).memory)
        for part in _parts(group, workers=workers, most=room):
            if len(part) > 1:
                found.append([own[place] for place in part])
    return found


def _makes_its_data(config: Mapping[str, Any]) -> bool:
    return config["task"].get("dataset") is None and config["model"].get("from_model") is None


def _parts(group: Sequence[int], *, workers: int, most: int) -> list[Sequence[int]]:
    """Cut a group so that every worker has some and each part fits into memory."""
    count = max(1, min(workers, len(group) // SHARE_OF_ENSEMBLES), -(-len(group) // most))
    edges = [len(group) * part // count for part in range(count + 1)]
    return [group[start:stop] for start, stop in pairwise(edges)]


def train_ensemble(
    store: Store,
    places: Sequence[Claim | None],
    controls: Controls,
    *,
    checkpoint_seconds: float,
) -> dict[str, str]:
    """Train the claimed runs of an ensemble to their ends, each recorded as a run by itself.

    A place that is empty, or whose run is over, paused or another worker's, stays where it is and
    takes no part: the bits of the others are the same with and without it.

    Args:
        store: Where the runs are.
        places: The claims, by place in the ensemble; None where there is nothing to train.
        controls: Their controls.
        checkpoint_seconds: Between states to go on from.

    Returns:
        The state that each run is left in, by run; see `train_run`.
    """
    return _Ensemble(store, places, controls, checkpoint_seconds).run()


class _Ensemble:
    """The attempts at all members, and what became of those that are over."""

    def __init__(
        self,
        store: Store,
        places: Sequence[Claim | None],
        controls: Controls,
        checkpoint_seconds: float,
    ) -> None:
        self._store, self._controls = store, controls
        self._claims = {place: claim for place, claim in enumerate(places) if claim is not None}
        self._attempts: dict[int, Attempt] = {}
        self._size = len(places)
        self._checkpoint_seconds = checkpoint_seconds
        self._left: dict[str, str] = {}

    def run(self) -> dict[str, str]:
        states: dict[int, dict[str, Any] | None] = {}
        for place in self._claims:
            self._guarded(place, partial(self._begin, place, states))
        begun = [place for place in self._claims if place in states]
        if begun:
            try:
                self._train(begun, states)
            except Exception as err:
                for place in begun:
                    self._fail(place, err)
        return self._left

    def _begin(self, place: int, states: dict[int, dict[str, Any] | None]) -> None:
        claim = self._claims[place]
        seconds = max(PROGRESS_SECONDS, SECONDS_A_MEMBER * len(self._claims))
        self._attempts[place] = Attempt(
            self._store,
            claim,
            self._controls.each[claim.run_id],
            self._checkpoint_seconds * max(1.0, len(self._claims) / SAVED_AS_ONE),
            progress_seconds=seconds,
        )
        states[place] = self._attempts[place].begin()

    def _train(self, begun: Sequence[int], states: Mapping[int, dict[str, Any] | None]) -> None:
        # An empty place is filled by a configuration of the same shape, and dropped at once.
        some = self._attempts[begun[0]].config
        places = range(self._size)
        many = engine.train_many(
            [self._attempts[place].config if place in states else some for place in places],
            resume=[states.get(place) for place in places],
        )
        for place in places:
            if place not in states:
                many.drop(place)
        for place, snapshot in many:
            if self._guarded(place, partial(self._take, place, snapshot)):
                many.drop(place)

    def _take(self, place: int, snapshot: engine.Snapshot) -> str | None:
        attempt = self._attempts[place]
        left = attempt.take(snapshot)
        return attempt.end() if left is None and snapshot.is_last else left

    def _guarded(self, place: int, action: Callable[[], str | None]) -> bool:
        """Do a part of one attempt; say whether the attempt is over by it."""
        try:
            left = action()
        except Exception as err:
            self._fail(place, err)
            return True
        if left is not None:
            self._leave(place, left)
        return left is not None

    def _fail(self, place: int, err: Exception) -> None:
        claim, attempt = self._claims[place], self._attempts.get(place)
        if claim.run_id not in self._left:
            self._leave(place, state_after(err, self._store, claim, attempt))

    def _leave(self, place: int, state: str) -> None:
        run_id = self._claims[place].run_id
        self._left[run_id] = state
        self._controls.release(run_id)
