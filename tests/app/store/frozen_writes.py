"""A worker that stands still in the midst of a write, loses its run, and goes on."""

import asyncio
import threading
from typing import Any

import numpy as np
import pytest
from zarr.storage import ObjectStore

from app.store import LeaseLost, Store
from app.store.files import FolderStore
from tests.app.store.stored_runs import Recording, claimed, queued

PATIENCE = 60.0


class Frozen:
    """A thread that does something and stands still before the first chunk of a name is put.

    By then the lease was asked for, and the chunk's earlier rows were read.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, chunk: str) -> None:
        self._chunk = chunk
        self._reached, self._thawed = threading.Event(), threading.Event()
        self.put: list[str] = []
        self.raised: list[BaseException] = []
        for kind in (FolderStore, ObjectStore):
            self._patch(monkeypatch, kind)

    def _patch(self, monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:  # noqa: ANN401
        unpatched = kind.set

        async def put(store: Any, key: str, value: Any) -> None:  # noqa: ANN401
            name = f"{getattr(store, 'root', '')}/{key}"
            if self._chunk in name:
                self._reached.set()
                assert await asyncio.to_thread(self._thawed.wait, PATIENCE)
                self.put.append(name)
            await unpatched(store, key, value)

        monkeypatch.setattr(kind, "set", put)

    def start(self, recording: Recording) -> None:
        """Let it flush, until it stands still."""

        def flush() -> None:
            try:
                recording.flush()
            except BaseException as err:
                self.raised.append(err)

        self._thread = threading.Thread(target=flush, daemon=True)
        self._thread.start()
        assert self._reached.wait(PATIENCE)

    def thaw(self) -> None:
        """Let it go on to its end."""
        self._thawed.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


def require_unseen_when_it_ends(
    store: Store, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Freeze a worker in a write, let another end its run, thaw it.

    Nothing that can be read changes by it, nor would if all that the first has written were gone.
    """
    run = queued(store)
    loser = Recording(store, claimed(store, run, "loser"), rng)
    for _ in range(5):
        loser.frame()
    loser.flush()
    for _ in range(3):
        loser.frame()
    frozen = Frozen(monkeypatch, f"{run.id}/1/hidden_gradient/c/")
    frozen.start(loser)
    assert store.queue.lose(run.id, "loser", "killed") is not None
    winner = Recording(store, claimed(store, run, "winner"), rng, after=loser)
    winner.flush()
    for _ in range(4):
        winner.frame()
    winner.flush()
    store.attempts.finish(winner.claim, "succeeded", loss=0.5)
    row, expected = store.runs.get(run.id), np.stack(winner.hidden)

    def require_unchanged() -> None:
        store.arrays.forget(run.id)
        found = store.arrays.read(run.id, "hidden_gradient").values
        assert found.tobytes() == expected.tobytes()
        assert store.arrays.read(run.id, "loss").values.tolist() == winner.loss
        assert store.runs.get(run.id) == row

    require_unchanged()
    frozen.thaw()
    assert frozen.put
    assert [type(err) for err in frozen.raised] == [LeaseLost]
    require_unchanged()
    store.arrays.files.remove_all(f"{run.id}/1")
    require_unchanged()
