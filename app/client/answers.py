"""What the service answers, as a client hands it on: refusals, slices, events."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
from numpy.typing import NDArray

FRAME_TYPE: Final = "application/octet-stream"
"""Media type of a captured training step."""


class ProblemError(Exception):
    """A refusal of the service (RFC 9457)."""

    def __init__(self, status: int, title: str, detail: str, errors: Sequence[Any] = ()) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A slice of a statistic: values with named axes and their coordinates."""

    name: str
    axes: tuple[str, ...]
    coords: Mapping[str, NDArray[Any]]
    values: NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamedEvent:
    """A server-sent event; `id` is what a stream is resumed from."""

    id: int
    kind: str
    data: Mapping[str, Any]


def read_events(lines: Iterator[str]) -> Iterator[StreamedEvent]:
    """Yield the events of a stream's lines; comments and retry hints are passed over."""
    fields: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith(":"):
            key, _, value = line.partition(":")
            fields[key] = value.removeprefix(" ")
        elif not line:
            if "data" in fields:
                yield StreamedEvent(
                    id=int(fields["id"]), kind=fields["event"], data=json.loads(fields["data"])
                )
            fields = {}


def problem_of(answer: httpx.Response) -> ProblemError:
    """Return the refusal that an answer is, whoever gave it."""
    try:
        body = answer.json()
        return ProblemError(body["status"], body["title"], body["detail"], body.get("errors", ()))
    except (ValueError, KeyError, TypeError):
        return ProblemError(answer.status_code, answer.reason_phrase, answer.text[:500])
