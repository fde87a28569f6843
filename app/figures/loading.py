"""Read what a figure needs of its runs, and no more."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from app.figures import layout
from app.figures.base import (
    FigureDefinition,
    FigureOptions,
    RunData,
    Slice,
    layer_position,
    nearest,
)
from app.store import ArrayInfo, Look, Selection, SelectionError, Store

# More than this is not read for one picture: recorded steps are left out evenly, the last kept.
MOST_VALUES = 4_000_000
# These are read in all layers: bounds and reach belong to the top one, whatever is shown.
WHOLE = frozenset({"dead_units", "last_loss_gradient", "weight_geometry"})


def load(
    store: Store, run_ids: Sequence[str], figure: FigureDefinition, options: FigureOptions
) -> list[RunData]:
    """Return the runs with the slices that a figure is drawn from.

    Raises:
        RunNotFound: One of the runs does not exist.
    """
    return Reader(store).load(run_ids, figure, options)


class Reader:
    """Reads for several figures that are drawn at once: what two of them need is read once.

    It stands still: of a run that goes on it knows what was there when it first looked.
    """

    def __init__(self, store: Store) -> None:
        """Read nothing yet."""
        self._store = store
        self._seen: dict[str, tuple[Look, Mapping[str, ArrayInfo]]] = {}
        self._slices: dict[tuple[str, str, str], Slice | None] = {}

    def load(
        self, run_ids: Sequence[str], figure: FigureDefinition, options: FigureOptions
    ) -> list[RunData]:
        """Return the runs with the slices that a figure is drawn from.

        Raises:
            RunNotFound: One of the runs does not exist.
        """
        each = [replace(options, step=step) for step in options.steps] or [options] * len(run_ids)
        return [self._load(run, figure, look) for run, look in zip(run_ids, each, strict=True)]

    def _load(self, run_id: str, figure: FigureDefinition, options: FigureOptions) -> RunData:
        seen, known = self._look(run_id)
        run = seen.run
        slices: dict[str, Slice] = {}
        for name in figure.needs:
            info = known.get(name)
            if info is None or not len(info.coords["step"]):
                continue
            found = self._slice(seen, name, _selection(info, figure, options))
            if found is not None:
                slices[name] = found
        return RunData(
            id=run.id,
            name=layout.literal(run.name),
            config=run.config,
            facts=run.facts,
            status=run.status,
            step=run.step,
            steps=run.steps,
            verdict=run.verdict,
            slices=slices,
            recorded=frozenset(known),
        )

    def _look(self, run_id: str) -> tuple[Look, Mapping[str, ArrayInfo]]:
        if run_id not in self._seen:
            seen = self._store.arrays.look(run_id)
            self._seen[run_id] = seen, {info.name: info for info in seen.infos()}
        return self._seen[run_id]

    def _slice(self, seen: Look, name: str, chosen: Mapping[str, Selection]) -> Slice | None:
        key = (seen.run.id, name, repr(sorted(chosen.items())))
        if key not in self._slices:
            try:
                self._slices[key] = self._store.arrays.read_seen(seen, name, chosen)
            except SelectionError:
                # The run was started anew between the two reads: the next event draws it again.
                self._slices[key] = None
        return self._slices[key]


def _selection(
    info: ArrayInfo, figure: FigureDefinition, options: FigureOptions
) -> Mapping[str, Selection]:
    """Which steps and layer of a statistic a figure looks at."""
    chosen: dict[str, Selection] = {}
    steps = info.coords["step"]
    if figure.frames == "all":
        kept = _thinned(steps, int(np.prod(info.shape[1:], dtype=np.int64)))
        if len(kept) < len(steps):
            chosen["step"] = kept
    else:
        picked = [steps[nearest(steps, options.step)]]
        if figure.frames == "one and latest" and steps[-1] != picked[0]:
            picked.append(steps[-1])
        chosen["step"] = picked
    if "layer" in info.axes and info.name not in WHOLE:
        layers = info.coords["layer"]
        chosen["layer"] = layers[layer_position(layers, options.layer)]
    wanted = {"parameter": options.parameter, "gate": options.gate}
    for axis in figure.chooses:
        there = info.coords.get(axis, ())
        if there:
            chosen[axis] = [one for one in there if one == wanted[axis]] or [there[0]]
    return chosen


def _thinned(steps: Sequence[int], row: int) -> Sequence[int]:
    """Every n-th step, so that a picture's worth of values is read, and the last one."""
    stride = -(-len(steps) * max(row, 1) // MOST_VALUES)
    if stride <= 1:
        return steps
    kept = list(steps[::stride])
    return kept if kept[-1] == steps[-1] else [*kept, steps[-1]]
