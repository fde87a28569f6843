"""What there is to choose from: cells, tasks, statistics, figures, …, and their schemas."""

from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response

import engine
from app.api.caching import REVALIDATE, etag_of, matches, not_modified
from app.api.figures import figure_record
from app.figures import FIGURES
from app.wire import to_json

router = APIRouter(tags=["catalog"])


@lru_cache(maxsize=1)
def _catalog() -> tuple[bytes, str]:
    record = {
        **engine.catalog(),
        "figures": [figure_record(figure) for figure in FIGURES.values()],
    }
    body = to_json(record)
    return body, etag_of(body.decode())


@router.get("/catalog")
def get_catalog(if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """Return everything a configuration can name, with the JSON schema of its options."""
    body, etag = _catalog()
    headers = {"ETag": etag, "Cache-Control": REVALIDATE}
    if matches(if_none_match, etag):
        return not_modified(headers)
    return Response(body, media_type="application/json", headers=headers)
