"""Where processes are, and whether a worker can reach what the service stores."""

import contextlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import engine
from app.blas import VARIABLES
from app.settings import Settings

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # alike in all containers of a machine


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a process is, and where it keeps data.

    Attributes:
        folder: Device and inode of the data folder; None where there is none.
        pinned: Whether its matrix products use one thread.
    """

    version: str
    host: str
    folder: tuple[int, int] | None
    arrays_url: str | None
    pinned: bool


def place_of(settings: Settings) -> Place:
    """Return where this process is."""
    folder = None
    with contextlib.suppress(OSError):
        found = settings.data.stat()
        folder = (found.st_dev, found.st_ino)
    host = BOOT_ID.read_text().strip() if BOOT_ID.exists() else socket.gethostname()
    pinned = all(os.environ.get(name) == "1" for name in VARIABLES)
    return Place(
        version=engine.__version__,
        host=host,
        folder=folder,
        arrays_url=settings.arrays_url,
        pinned=pinned,
    )


def why_unfit(worker: Place, service: Place, *, needs_one_host: bool) -> str | None:
    """Return why a worker is of no use to a service; None where it is.

    Args:
        worker: Where the worker is.
        service: Where the service is.
        needs_one_host: Whether something is stored in files that other machines do not see.
    """
    if worker.version != service.version:
        return f"it has gradtide {worker.version}, the service {service.version}"
    if not worker.pinned:
        return f"it must be started with {' '.join(f'{name}=1' for name in VARIABLES)}"
    if worker.arrays_url != service.arrays_url:
        return (
            f"its GRADTIDE_ARRAYS_URL is {worker.arrays_url or 'empty'},"
            f" the service's {service.arrays_url or 'empty'}"
        )
    if not needs_one_host:
        return None
    if worker.host != service.host:
        return (
            "it is on another machine, and the database or the arrays are files on this one:"
            " set both GRADTIDE_DATABASE_URL and GRADTIDE_ARRAYS_URL, or start it on this machine"
        )
    if worker.folder != service.folder:
        return "it has another data folder: give it the service's GRADTIDE_DATA"
    return None
