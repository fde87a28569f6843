"""ETags: what is compared, and what a cache may keep."""

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from starlette.responses import Response

from app.wire import to_json

# `private`: behind a token; the content of such an address never changes.
IMMUTABLE: Final = "private, max-age=31536000, immutable"
REVALIDATE: Final = "private, no-cache"


def etag_of(*parts: object) -> str:
    """Return a strong ETag of what determines an answer's bytes."""
    return f'"{hashlib.sha256(to_json(parts)).hexdigest()[:32]}"'


def matches(if_none_match: str | None, etag: str) -> bool:
    """Return whether the client has these bytes (RFC 9110, weak comparison)."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags


class Tagged(NamedTuple):
    """A record as it goes out, with a weak ETag of its bytes."""

    body: bytes
    etag: str


def tagged(record: object) -> Tagged:
    """Return a record as JSON with its tag."""
    body = to_json(record)
    return Tagged(body, f'W/"{hashlib.sha256(body).hexdigest()[:32]}"')


def revalidated(record: Tagged, if_none_match: str | None) -> Response:
    """Return a record, or 304 where the client has the like already."""
    headers = {"ETag": record.etag, "Cache-Control": REVALIDATE}
    if matches(if_none_match, record.etag.removeprefix("W/")):
        return not_modified(headers)
    return Response(record.body, media_type="application/json", headers=headers)


def not_modified(headers: Mapping[str, str]) -> Response:
    """Return the answer to a client that has it already."""
    return Response(status_code=304, headers=headers)
