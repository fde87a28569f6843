"""What browsers load: our own scripts and styles, and plotly.js from the installed package."""

from functools import lru_cache
from importlib import resources

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.api.caching import IMMUTABLE, REVALIDATE, etag_of, matches, not_modified
from app.pages import PLOTLY_URL, resource_dir

router = APIRouter(include_in_schema=False)


@lru_cache(maxsize=1)
def _plotly() -> bytes:
    return resources.files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()


@router.get(PLOTLY_URL)
def plotly_js(request: Request) -> Response:
    """Return plotly.js; its version is in the address, so it never changes there."""
    headers = {"Cache-Control": IMMUTABLE, "ETag": etag_of(PLOTLY_URL)}
    if matches(request.headers.get("if-none-match"), headers["ETag"]):
        return not_modified(headers)
    return Response(_plotly(), media_type="text/javascript", headers=headers)


class StaticAssets(StaticFiles):
    """Files under static/: for ever where the address names a version, else asked for again."""

    def __init__(self) -> None:
        super().__init__(directory=resource_dir("static"))

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file with what a cache may do with it."""
        response = await super().get_response(path, scope)
        is_versioned = scope["query_string"].startswith(b"v=")
        response.headers["Cache-Control"] = IMMUTABLE if is_versioned else REVALIDATE
        return response
