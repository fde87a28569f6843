"""Answers that never change, kept ready: slices of frames that are recorded.

A page or a script asks for the same slices again and again, and most of what such an answer costs
is asking the database and writing the numbers. What is kept is the finished answer.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

MAX_BYTES: Final = 32 * 2**20
MAX_ANSWER_BYTES: Final = 4 * 2**20
TAG_BYTES: Final = 1024  # what an answer takes beside its body, about
SECONDS: Final = 1.0

Asked = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A finished answer: its body, what it is, and its headers with the ETag.

    The body is None where every client so far had it: the tag alone is known.
    """

    body: bytes | None
    media_type: str
    headers: Mapping[str, str]


class KeptAnswers:
    """Answers by run and by what was asked of it; the least lately used ones go first.

    A run can be deleted. In this process `deletions` tells so at once; for what other processes
    delete, an answer is given for at most a second without another look for its run.
    """

    def __init__(
        self,
        deletions: Callable[[], int],
        *,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep nothing yet; `deletions` counts the runs that this process has deleted."""
        self._clock = clock
        self._deletions = deletions
        self._deleted = deletions()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._answers: OrderedDict[tuple[str, Asked], Answer] = OrderedDict()
        self._seen: dict[str, float] = {}
        self._lock = Lock()

    @property
    def bytes(self) -> int:
        """Bytes of all that is kept, about."""
        return self._bytes

    def get(self, run_id: str, asked: Asked) -> Answer | None:
        """Return an answer whose run was seen within the last second; None where there is none."""
        with self._lock:
            self._drop_deleted()
            if self._clock() - self._seen.get(run_id, -math.inf) >= SECONDS:
                return None
            return self._used(run_id, asked)

    def get_of_present(self, run_id: str, asked: Asked) -> Answer | None:
        """Return an answer of a run that the caller has just seen in the database."""
        with self._lock:
            answer = self._used(run_id, asked)
            if answer is not None:
                self._seen[run_id] = self._clock()
            return answer

    def put(self, run_id: str, asked: Asked, answer: Answer) -> None:
        """Keep an answer of a run that the caller has just seen, unless it is a large one."""
        if _size(answer) > min(MAX_ANSWER_BYTES, self._max_bytes):
            return
        with self._lock:
            self._drop_deleted()
            self._forget(run_id, asked)
            self._answers[run_id, asked] = answer
            self._bytes += _size(answer)
            self._seen[run_id] = self._clock()
            while self._bytes > self._max_bytes:
                self._forget(*next(iter(self._answers)))
            if len(self._seen) > len(self._answers):
                self._seen = {run: self._seen[run] for run, _ in self._answers}

    def _used(self, run_id: str, asked: Asked) -> Answer | None:
        answer = self._answers.get((run_id, asked))
        if answer is not None:
            self._answers.move_to_end((run_id, asked))
        return answer

    def _drop_deleted(self) -> None:
        if (deleted := self._deletions()) != self._deleted:
            self._deleted, self._bytes = deleted, 0
            self._answers.clear()
            self._seen.clear()

    def _forget(self, run_id: str, asked: Asked) -> None:
        answer = self._answers.pop((run_id, asked), None)
        if answer is not None:
            self._bytes -= _size(answer)


def _size(answer: Answer) -> int:
    return TAG_BYTES if answer.body is None else TAG_BYTES + len(answer.body)
