"""What a crash, or somebody's hand, can leave behind in a store: found, said, and mended."""

import stat
from collections.abc import Callable, Iterator

from app.store import Store

OWNER_ONLY = 0o700


class LostArrays(Exception):
    """Recorded arrays that are gone: nothing can bring them back."""


def mend(store: Store) -> list[str]:
    """Mend what can be mended; return a sentence for each thing that was.

    Raises:
        LostArrays: Something is gone that nothing brings back; the rest has been mended.
    """
    told = [sentence for cure in CURES for sentence in cure(store)]
    lost = list(_lost_arrays(store))
    if lost:
        raise LostArrays("; ".join([*told, *lost]))
    return told


def _lost_runs(store: Store) -> Iterator[str]:
    for lost in store.queue.reap():
        yield f"run {lost.run_id[:8]} had lost its worker and is {lost.status} now"


def _orphans(store: Store) -> Iterator[str]:
    for run_id in store.remove_orphans():
        yield f"files of {run_id[:8]}, a run that is deleted, are removed"


def _partial_files(store: Store) -> Iterator[str]:
    for name in store.checkpoints.files.remove_partial():
        run_id, _, file = name.rpartition("/")
        yield f"{run_id[:8]}/{file}, half a checkpoint, is removed"


def _damaged_checkpoints(store: Store) -> Iterator[str]:
    for run_id, kind, step in store.checkpoints.damaged():
        store.checkpoints.forget(run_id, kind, step)
        yield f"run {run_id[:8]}: the damaged checkpoint at step {step} ({kind}) is dropped"


def _damaged_weights(store: Store) -> Iterator[str]:
    for run_id, step in store.weights.drop_damaged():
        which = "all weights kept" if step is None else f"the weights kept at step {step}"
        yield f"run {run_id[:8]}: {which} for its chain were damaged and are dropped"


def _abandoned_arrays(store: Store) -> Iterator[str]:
    for run_id, attempt in store.arrays.drop_abandoned():
        yield f"run {run_id[:8]}: arrays of attempt {attempt}, which nobody reads, are removed"


def _open_folders(store: Store) -> Iterator[str]:
    for folder in (store.folder, store.folder / "arrays", store.folder / "checkpoints"):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & ~OWNER_ONLY:
            folder.chmod(OWNER_ONLY)
            yield f"{folder} was open to others (mode {mode:o}) and is its owner's alone now"


def _lost_arrays(store: Store) -> Iterator[str]:
    for run_id, gone in store.arrays.lost():
        yield f"run {run_id[:8]} has lost its recorded {', '.join(gone)}: delete or repeat it"


CURES: tuple[Callable[[Store], Iterator[str]], ...] = (
    _lost_runs,
    _orphans,
    _partial_files,
    _damaged_checkpoints,
    _damaged_weights,
    _abandoned_arrays,
    _open_folders,
)
