"""What one run may take of the machine it runs on: memory, disk, time.

An estimate refuses what is plainly too much before it is queued. These hold where it was wrong, or
where others have filled the disk meanwhile: the run fails, and says of what.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Final

from app.runs.sizes import size_text
from app.store.kept_weights import kept_bytes
from app.trainer.failures import PlainFailure
from engine import ConfigError, Estimate, Problem

OWN_BYTES: Final = 2**30
"""Address space of a worker beside a run's arrays: 0.55 GB were measured from its first import to
its first updates, for compiled loops, the C library's room for each thread, and the database."""

_FREE_ANYWAY: Final = 2**24
"""Bytes that stay free: of the database's own log, and for the word that the disk is full."""


class NoRoomError(PlainFailure):
    """A disk with less room than a run will need."""


def limit_memory(run_bytes: int) -> int | None:
    """Let this process take so much more address space, and its own; what is over fails to be had.

    A wrong estimate then ends in MemoryError in the one worker, and not with the machine's memory
    used up. Linux alone keeps such a limit.

    Returns:
        The limit in bytes; None where there is none.
    """
    if sys.platform != "linux":
        return None
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    wanted = pages * os.sysconf("SC_PAGE_SIZE") + OWN_BYTES + run_bytes
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))
    return limit


def require_affordable(needed: Estimate, *, memory: float, stored: float) -> None:
    """Refuse a run that is estimated to take more than one may.

    Raises:
        ConfigError: It is; both numbers are said.
    """
    found = (
        ("of memory", needed.memory, memory),
        ("on disk", stored_bytes(needed), stored),
    )
    faults = [
        Problem(
            "", f"the run needs about {size_text(asked)} {where}, one may take {size_text(most)}"
        )
        for where, asked, most in found
        if asked > most
    ]
    if faults:
        raise ConfigError(faults)


def stored_bytes(needed: Estimate) -> int:
    """Return what a run stores: what it records, its checkpoints, and the weights of its frames."""
    return needed.stored + kept_bytes(needed.weights, needed.frames)


def require_disk(folder: Path, needed: Estimate) -> None:
    """Refuse to begin what the disk has no room for.

    Raises:
        NoRoomError: It has not; both numbers are said.
    """
    free, stored = shutil.disk_usage(folder).free, stored_bytes(needed)
    if free < stored + _FREE_ANYWAY:
        raise NoRoomError(
            f"the run will store about {size_text(stored)}, the disk has {size_text(free)} free"
        )
