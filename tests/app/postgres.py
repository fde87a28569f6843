"""A PostgreSQL of the tests' own: Debian's programs, a folder that is thrown away, a free port."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg

PROGRAMS = Path("/usr/lib/postgresql")
PATIENCE = 60.0
USER = "gradtide"


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs; None where there is none."""
    found = sorted(PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Postgres:
    """A server that can be stopped and started again; databases are made for who asks."""

    def __init__(self, folder: Path) -> None:
        bin_ = programs()
        assert bin_ is not None, "PostgreSQL is not installed (apt-get install postgresql)"
        self._bin = bin_
        self._folder = folder
        # PostgreSQL refuses to run as root: Debian's package has a user for it.
        self._as = {"user": "postgres"} if os.geteuid() == 0 else {}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        if self._as:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", str(folder / "data"), "-U", USER, "-A", "trust", "-N")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self._folder} -c fsync=off"
        self._run(
            "pg_ctl", "-D", str(self._folder / "data"), "-w", "-o", options,
            "-l", str(self._folder / "log"), "start",
        )  # fmt: skip

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-m", mode, "stop")

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"t{uuid.uuid4().hex}"
        address = f"postgresql://{USER}@127.0.0.1:{self.port}"
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return f"{address}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
            **self._as,  # type: ignore[call-overload]  # user=… or nothing
        )


@contextlib.contextmanager
def running() -> Iterator[Postgres]:
    # Not under pytest's folder, which is the owner's alone: another user is to read here.
    folder = Path("/tmp") / f"gradtide-postgres-{uuid.uuid4().hex[:8]}"
    folder.mkdir(mode=0o755)
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.stop("immediate")
        time.sleep(0)
        shutil.rmtree(folder, ignore_errors=True)
