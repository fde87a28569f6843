"""What the reads that come often share: few threads, and answers that are kept."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from app.api.caching import Tagged
from app.api.kept_answers import KeptAnswers
from app.settings import Settings
from app.store import Store
from app.store.remembered import Remembered

Found = TypeVar("Found")

# A read is Python for the most part, and Python runs one thread at a time. Forty at once take the
# interpreter from each other some ninety times an answer, and it costs three times the processor.
# Two, so that a long one does not stand in everybody's way.
THREADS: Final = 2
LISTS: Final = 32


class Reading:
    """The store as it is read by request after request.

    Attributes:
        answers: Finished answers that never change.
        lists: Pages of the list of runs, kept until anything is written.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        """Start no thread yet."""
        self.store, self.settings = store, settings
        self.answers = KeptAnswers(lambda: store.deletions)
        self.lists: Remembered[Tagged] = Remembered(store.database.version, most=LISTS)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="reading")

    async def run(self, read: Callable[[], Found]) -> Found:
        """Return what a short read returns, done beside the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, contextvars.copy_context().run, read)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()
