"""A megabyte kept back, so that a full disk can still be told of.

A run that ends because the disk is full has to write that it ended: without any space its row would
say `running` for ever. And it has to be deleted, which makes room but first takes some: what a
transaction changes goes into the log before it goes anywhere.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

RESERVE_BYTES: Final = 1_048_576
FILE: Final = "reserve"


def keep(folder: Path) -> None:
    """Put the reserve into a folder where it is not there; without space there is none."""
    path = folder / FILE
    if path.exists():
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        except OSError:
            path.unlink()
        finally:
            os.close(descriptor)


def give_up(folder: Path) -> None:
    """Free the reserve: what must be written now has room."""
    (folder / FILE).unlink(missing_ok=True)
