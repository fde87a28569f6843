"""What was read of the database, remembered for as long as nothing was written since."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")

MOST = 256


class Remembered(Generic[Value]):
    """Values by key, all of one version of the database: a commit, anybody's, makes it forget.

    Where the database does not tell its version nothing is remembered.
    """

    def __init__(self, version: Callable[[], int | None], *, most: int = MOST) -> None:
        """Remember nothing yet.

        Args:
            version: Returns another number after every commit; None where no database tells.
            most: So many values at once.
        """
        self._version = version
        self._most = most
        self._of: int | None = None
        self._values: dict[Hashable, Value] = {}
        self._lock = Lock()

    def get(self, key: Hashable, read: Callable[[], Value]) -> Value:
        """Return what is remembered, or read it and remember it."""
        version = self._version()
        if version is None:
            return read()
        with self._lock:
            if version != self._of:
                self._of = version
                self._values.clear()
            if key in self._values:
                return self._values[key]
        # The version is the older of the two: what is read is of it or newer.
        value = read()
        with self._lock:
            if version == self._of:
                if len(self._values) >= self._most:
                    self._values.clear()
                self._values[key] = value
        return value
