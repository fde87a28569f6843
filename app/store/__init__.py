"""The store: rows in a database, arrays in Zarr, weights in safetensors, under one folder."""

from pathlib import Path

import structlog

from app.settings import Settings
from app.store import reserve
from app.store.arrays import ArrayStore
from app.store.attempts import FINISHED, Attempts
from app.store.captures import CaptureTable
from app.store.checkpoints import PARTS, CheckpointStore
from app.store.database import Database
from app.store.ensembles import EnsembleTable
from app.store.errors import (
    CheckpointNotFound,
    IdempotencyConflict,
    InvalidCursor,
    LeaseLost,
    MissingDriverError,
    NotFound,
    QueueFull,
    RunNotFound,
    SelectionError,
    StaleCursor,
    StatisticNotFound,
    StorageError,
    StoreError,
    SweepNotFound,
    UploadInUse,
    UploadNotFound,
)
from app.store.events import EventLog
from app.store.files import Files, FolderFiles
from app.store.kept_weights import WeightStore
from app.store.looks import Look
from app.store.objects import ObjectFiles
from app.store.queue import Queue
from app.store.records import OVER, ArrayInfo, CheckpointInfo, Event, Run, Written
from app.store.run_table import RunTable
from app.store.slices import Choice, Selection, Slice, Span, parse_choice
from app.store.sweep_table import Member, NewMember, Sweep, SweepTable, Tally
from app.store.upload_table import Resource, Upload, UploadTable

DATABASE_FILE = "gradtide.db"
PARTS_OF_THE_FOLDER = ("arrays", "checkpoints", "uploads")

log = structlog.get_logger()

__all__ = [
    "FINISHED",
    "OVER",
    "PARTS",
    "ArrayInfo",
    "CheckpointInfo",
    "CheckpointNotFound",
    "Choice",
    "Event",
    "IdempotencyConflict",
    "InvalidCursor",
    "LeaseLost",
    "Look",
    "Member",
    "MissingDriverError",
    "NewMember",
    "NotFound",
    "QueueFull",
    "Resource",
    "Run",
    "RunNotFound",
    "Selection",
    "SelectionError",
    "Slice",
    "Span",
    "StaleCursor",
    "StatisticNotFound",
    "StorageError",
    "Store",
    "StoreError",
    "Sweep",
    "SweepNotFound",
    "Tally",
    "Upload",
    "UploadInUse",
    "UploadNotFound",
    "Written",
    "open_store",
    "parse_choice",
]


class Store:
    """Everything stored: runs, sweeps, events, arrays, checkpoints, weights, uploads.

    `attempts`, `captures`, `ensembles` and `queue` are what workers and the run service use.

    Attributes:
        deletions: How many runs this process has deleted.
    """

    def __init__(self, database: Database, folder: Path, settings: Settings) -> None:
        """Join the parts over one database, one folder, and where files are kept."""
        self.database = database
        self.folder = folder
        self.deletions = 0
        self._is_local = database.is_sqlite or settings.arrays_url is None
        arrays, checkpoints = _files_of(settings, "arrays"), _files_of(settings, "checkpoints")
        self.events = EventLog(database)
        self.runs = RunTable(database, self.events)
        self.ensembles = EnsembleTable(database)
        self.sweeps = SweepTable(database, self.runs, self.ensembles)
        self.attempts = Attempts(database, self.events, settings.lease)
        self.captures = CaptureTable(database, self.events, self.attempts)
        self.queue = Queue(database, self.events, settings.max_attempts, settings.lease)
        elsewhere = None if settings.arrays_url is None else _files_of(settings, "uploads")
        self.uploads = UploadTable(database, folder / "uploads", elsewhere)
        self.arrays = ArrayStore(database, arrays)
        self.checkpoints = CheckpointStore(database, checkpoints)
        self.weights = WeightStore(database, checkpoints)

    @property
    def is_local(self) -> bool:
        """Whether some of it is in files that only processes of this machine can reach."""
        return self._is_local

    def delete_run(self, run_id: str) -> bool:
        """Delete a run that is over, with its arrays and checkpoints; say whether it was one.

        The row goes first and takes all that the database has along, or none of it. What a crash
        or a fault of the storage then leaves of the files nobody can reach; `remove_orphans`
        removes it at the next start.
        """
        if not self.runs.delete(run_id, FINISHED):
            return False
        self.deletions += 1
        self.arrays.forget(run_id)
        self._remove_files(run_id)
        return True

    def remove_orphans(self) -> list[str]:
        """Remove arrays and checkpoints whose run is gone; return the ids they were of.

        What cannot be removed stays and is not among them.
        """
        # In this order: a run that is made meanwhile has its row before it has files.
        present = self.arrays.files.tops() | self.checkpoints.files.tops()
        orphans = sorted(present - self.runs.ids())
        removed = [run_id for run_id in orphans if self._remove_files(run_id)]
        self.uploads.remove_orphans()
        return removed

    def free_reserve(self) -> None:
        """Make the room that a last word needs where the disk is full."""
        reserve.give_up(self.folder)

    def close(self) -> None:
        """Close the database's connections."""
        self.database.close()

    def _remove_files(self, run_id: str) -> bool:
        """Remove what the files have of a run; say whether all of it is gone."""
        gone = True
        for files in (self.arrays.files, self.checkpoints.files):
            try:
                files.remove_all(run_id)
            except (OSError, StorageError) as err:
                gone = False
                log.warning("files of a deleted run stay", run=run_id, reason=str(err))
        return gone


def _files_of(settings: Settings, name: str) -> Files:
    if settings.arrays_url is None:
        return FolderFiles(settings.data / name)
    return ObjectFiles(f"{settings.arrays_url}/{name}")


def open_store(settings: Settings, *, migrate: bool = True) -> Store:
    """Open the store in the settings' data folder; make and migrate it where needed.

    Args:
        settings: Where the data is.
        migrate: Bring the tables to the newest revision first, and find out whether files can be
            kept. A worker leaves that to its server.

    Raises:
        MissingDriverError: The settings ask for something whose extra is not installed.
        StorageError: Object storage cannot be used.
    """
    folder = settings.data
    for path in (folder, *(folder / part for part in PARTS_OF_THE_FOLDER)):
        # Nobody else on the machine reads a run: names and data may be private.
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    url = settings.database_url
    if url is None:
        file = folder / DATABASE_FILE
        # Made here for its mode, which SQLite gives to its side files as well: the folder may
        # have been there before, open to others.
        file.touch(mode=0o600)
        url = f"sqlite:///{file}"
    database = Database(url, lock_file=folder / "migration.lock")
    store = Store(database, folder, settings)
    if migrate:
        database.migrate()
        reserve.keep(folder)
        store.arrays.files.check()
    return store
