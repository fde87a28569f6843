"""The database: one engine, read and write transactions, migrations."""

import fcntl
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from app.store.errors import MissingDriverError

HEAD = "0006"
BUSY_MILLISECONDS = 5000
WRITE_LOCK = 0x67726164  # any number that is ours: "grad"
CONNECT_SECONDS = 5
# A writer that froze in its transaction is thrown out, so that the others get the lock.
PATIENCE = "-c lock_timeout=5s -c idle_in_transaction_session_timeout=8s"
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Read and write transactions on SQLite (WAL) or, by URL, another database."""

    def __init__(self, url: str, *, lock_file: Path) -> None:
        """Prepare to connect; nothing is opened yet.

        Raises:
            MissingDriverError: The database's driver is an extra that is not installed.
        """
        self._lock_file = lock_file
        self.is_sqlite = url.startswith("sqlite")
        self.engine = sa.create_engine(url) if self.is_sqlite else _postgresql(url)
        self._watching: sqlite3.Connection | None = None
        self._watch_lock = Lock()
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the database throughout."""
        with self.engine.connect() as connection:
            if not self.is_sqlite:  # where every transaction is of this kind
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes; it takes the one write lock at once.

        On SQLite a transaction that reads first and then wants to write would be refused at once
        where another process wrote between, whatever the time-out says. On PostgreSQL two that
        write events would commit in another order than their events' ids, and a reader that
        resumes after the higher one would never see the lower.
        """
        with self.engine.connect() as connection:
            connection = connection.execution_options(gradtide_write=True)
            with connection.begin():
                if not self.is_sqlite:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITE_LOCK)))
                yield connection

    def is_passing(self, error: OperationalError) -> bool:
        """Say whether a failure is of the moment: a lock that another holds, a server restarted."""
        told = str(error.orig)  # the database's own words, without the statement's
        return "locked" in told if self.is_sqlite else "disk" not in told

    def now(self, connection: Connection) -> float:
        """Return the time that leases are measured by, in seconds: the database's own."""
        if self.is_sqlite:  # an embedded database has the clock of this machine
            return time.time()
        return float(connection.scalar(sa.text("select extract(epoch from now())")) or 0.0)

    def revision(self) -> str | None:
        """Return the revision the tables are at; None for an empty database."""
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            revision = connection.scalar(sa.text("select version_num from alembic_version"))
            return None if revision is None else str(revision)

    def migrate(self, target: str = "head") -> None:
        """Bring the tables to a revision, newer or older; one process at a time does it."""
        if target == "head" and self.revision() == HEAD:
            return
        # Imported here: it takes a quarter of a second, and a migrated database needs none of it.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self._lock_file.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            current = self.revision()
            with self.write() as connection:
                config.attributes["connection"] = connection
                if target == "head" or (current or "") < target != "base":
                    command.upgrade(config, target)
                else:
                    command.downgrade(config, target)

    def version(self) -> int | None:
        """Return a number that is another one after every commit; None where no database tells.

        SQLite counts for each connection what the others committed: one that never writes sees
        all of it, for a fiftieth of what a query costs.
        """
        path = self.engine.url.database
        if not self.is_sqlite or not path:
            return None
        try:
            with self._watch_lock:
                if self._watching is None:
                    self._watching = sqlite3.connect(path, check_same_thread=False)
                    self._watching.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
                return int(self._watching.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.OperationalError:
            return None  # a database that nobody can look into just now

    def close(self) -> None:
        """Close every connection."""
        with self._watch_lock:
            if self._watching is not None:
                self._watching.close()
                self._watching = None
        self.engine.dispose()


def _postgresql(url: str) -> sa.Engine:
    """Return an engine on PostgreSQL by psycopg 3, whatever driver the URL names."""
    place = sa.make_url(url).set(drivername="postgresql+psycopg")
    try:
        return sa.create_engine(
            place,
            pool_pre_ping=True,  # the server may have been restarted since
            connect_args={"options": PATIENCE, "connect_timeout": CONNECT_SECONDS},
        )
    except ModuleNotFoundError as err:
        raise MissingDriverError("PostgreSQL", "postgres") from err


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401
    # The driver would begin transactions by itself, late and never for reads: we do it.
    connection.isolation_level = None
    cursor = connection.cursor()
    # The time-out comes first: changing the journal mode needs a lock as well.
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    # Frames pass through it on their way to the arrays: their pages need not be overwritten.
    cursor.execute("PRAGMA secure_delete=FAST")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("gradtide_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
