"""Files in object storage, by the S3 protocol: what many machines can reach alike.

Credentials and the address of the storage come from the environment (AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL), as every program of that kind reads them.
"""

import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Final, TypeVar

import numpy as np

from app.store.errors import MissingDriverError, StorageError
from app.store.files import Bytes

SCHEME: Final = "s3://"
# Within a lease: who cannot store in this time stops before another takes its run.
RETRY = {"max_retries": 5, "retry_timeout": timedelta(seconds=8)}
TIMEOUT = "10s"
PROBE: Final = "reachable"

T = TypeVar("T")


class ObjectFiles:
    """Files under a URL."""

    def __init__(self, url: str) -> None:
        """Prepare to reach a place; nothing is asked of it yet.

        Raises:
            MissingDriverError: The client is an extra that is not installed.
            StorageError: The URL names no place.
        """
        self._obstore = _obstore()
        self._url = url
        plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
        self._store = self._told(
            lambda: self._obstore.store.from_url(
                url,
                client_options={"timeout": TIMEOUT, **({"allow_http": True} if plain else {})},
                retry_config=RETRY,
            )
        )

    def check(self) -> None:
        """Find out whether files can be kept there.

        Raises:
            StorageError: They cannot.
        """
        try:
            self.write(PROBE, b"gradtide")
        except FileNotFoundError as err:
            raise StorageError(f"{self._url} cannot be used: there is no such bucket") from err
        self.remove(PROBE)

    def read(self, name: str) -> bytes:
        """Return an object."""
        return self._told(lambda: bytes(self._obstore.get(self._store, name).bytes()))

    def part(self, name: str, start: int, length: int) -> Bytes | None:
        """Fetch some bytes of an object."""
        get = self._obstore.get_range
        try:
            found = self._told(lambda: get(self._store, name, start=start, length=length))
        except FileNotFoundError:
            return None
        return np.frombuffer(found, dtype=np.uint8)

    def has(self, name: str) -> bool:
        """Say whether there is such an object."""
        try:
            self._told(lambda: self._obstore.head(self._store, name))
        except FileNotFoundError:
            return False
        return True

    def write(self, name: str, content: bytes) -> None:
        """Put an object, which is replaced as a whole."""
        self._told(lambda: self._obstore.put(self._store, name, content))

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        self._told(lambda: self._obstore.delete(self._store, name))

    def names(self, top: str) -> set[str]:
        """Return the objects right under a name."""
        listed = self._told(lambda: self._obstore.list_with_delimiter(self._store, f"{top}/"))
        return {str(each["path"]).rpartition("/")[2] for each in listed["objects"]}

    def tops(self) -> set[str]:
        """Return the first parts of all names."""
        listed = self._told(lambda: self._obstore.list_with_delimiter(self._store))
        return {str(prefix).strip("/") for prefix in listed["common_prefixes"]}

    def remove_all(self, top: str) -> None:
        """Remove every object under a name."""
        self._told(lambda: self._remove_under(f"{top}/"))

    def remove_partial(self) -> list[str]:
        """Do nothing: an object is there whole or not at all."""
        return []

    def sync(self, names: Iterable[str]) -> None:
        """Do nothing: an object is durable once it is there."""

    def zarr(self, name: str) -> dict[str, Any]:
        """Return a store of Zarr's over the same client."""
        from zarr.storage import ObjectStore

        return {"store": ObjectStore(self._store), "path": name}

    def _remove_under(self, prefix: str) -> None:
        for batch in self._obstore.list(self._store, prefix):
            self._obstore.delete(self._store, [each["path"] for each in batch])

    def _told(self, act: Callable[[], T]) -> T:
        """Act; what goes wrong is told in the words of this program's other places for files."""
        try:
            return act()
        except (self._obstore.exceptions.NotFoundError, FileNotFoundError) as err:
            raise FileNotFoundError(str(err)) from err
        except self._obstore.exceptions.BaseError as err:
            raise StorageError(f"{self._url} cannot be used: {_first_line(err)}") from err


def _first_line(err: Exception) -> str:
    return str(err).strip().partition("\n")[0]


def _obstore() -> Any:  # noqa: ANN401  # an extra, whose types are not there without it
    try:
        import obstore
    except ModuleNotFoundError as err:
        raise MissingDriverError("GRADTIDE_ARRAYS_URL", "objects") from err
    return obstore
