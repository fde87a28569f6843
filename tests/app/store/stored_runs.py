"""Runs put into a store by hand, with arrays that are known."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.settings import Settings
from app.store import Run, Store, open_store
from app.store.chunks import Block, ChunkWriter
from app.store.claims import Claim, Part, Recorded
from app.store.layouts import StoredLayout
from app.store.payloads import payload_of, rows_of

HIDDEN = StoredLayout(
    name="hidden_gradient",
    axes=("step", "layer", "time", "unit"),
    coords={"layer": (0, 1), "time": (1, 2, 3, 4, 5), "unit": (0, 1, 2)},
    scale="log10",
    dtype="float32",
    per_step=False,
)
LOSS = StoredLayout(
    name="loss", axes=("step",), coords={}, scale="plain", dtype="float64", per_step=True
)
LAYOUTS = (HIDDEN, LOSS)
EVERY = 10


def settings_for(folder: Path, **changed: Any) -> Settings:  # noqa: ANN401  # any setting
    return Settings(data=folder, **changed)


def new_store(folder: Path, **changed: Any) -> Store:  # noqa: ANN401  # any setting
    return open_store(settings_for(folder, **changed))


def configuration(
    name: str = "a run",
    *,
    steps: int = 1000,
    **changed: Any,  # noqa: ANN401  # any part of a configuration
) -> dict[str, Any]:
    return {
        "name": name,
        "tags": [],
        "model": {"cell": "elman"},
        "training": {"steps": steps},
        "recording": {"every": EVERY, "checkpoints": ["first", "last"]},
        **changed,
    }


def queued(
    store: Store,
    name: str = "a run",
    *,
    steps: int = 1000,
    **changed: Any,  # noqa: ANN401  # any part of a configuration
) -> Run:
    config = configuration(name, steps=steps, **changed)
    return store.runs.create(config, {}, [layout.to_dict() for layout in LAYOUTS])[0]


def claimed(store: Store, run: Run, owner: str = "worker") -> Claim:
    claim = store.attempts.claim(run.id, owner)
    assert claim is not None
    return claim


class Recording:
    """Records frames of known values under a claim, as a worker does."""

    def __init__(
        self,
        store: Store,
        claim: Claim,
        rng: np.random.Generator,
        after: "Recording | None" = None,
    ) -> None:
        """Go on after what another attempt has recorded, if one has."""
        self.store, self.claim, self._rng = store, claim, rng
        steps = claim.config["training"]["steps"]
        self._writer = ChunkWriter(
            store.arrays.files, claim, LAYOUTS, frames=steps // EVERY + 1, steps=steps
        )
        self.hidden: list[NDArray[Any]] = [] if after is None else list(after.hidden)
        self.loss: list[float] = [] if after is None else list(after.loss)

    def frame(self) -> None:
        """Record the next frame; what it holds is known here before it can be read."""
        row = len(self.hidden)
        values = self._rng.normal(size=HIDDEN.row_shape).astype(np.float32)
        start, end = len(self.loss), row * EVERY + 1
        losses = self._rng.normal(size=end - start)
        self.hidden.append(values)
        self.loss.extend(losses)
        hidden = payload_of(HIDDEN, values[np.newaxis])
        parts = (
            Part(name=HIDDEN.name, row=row, rows=1, payload=hidden),
            Part(name=LOSS.name, row=start, rows=len(losses), payload=payload_of(LOSS, losses)),
        )
        recorded = Recorded(
            row=row,
            steps=(row * EVERY,),
            parts=parts,
            series_end=end,
            flushed=False,
            verdict=None,
            changed=False,
            sparkline=None,
        )
        self.store.attempts.record(self.claim, recorded)

    def flush(self) -> None:
        """Move what is recorded into the arrays."""
        layouts = {layout.name: layout for layout in LAYOUTS}
        self._writer.write(
            Block(part.name, part.row, rows_of(layouts[part.name], part.rows, part.payload))
            for part in self.store.attempts.unflushed(self.claim)
        )
        self._writer.sync()
        self.store.attempts.flushed(self.claim)
