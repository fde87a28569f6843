"""What browsers load: our own scripts and styles, and plotly.js from the installed package."""

import re
from functools import lru_cache
from importlib import resources

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.api.caching import IMMUTABLE, REVALIDATE, etag_of, matches, not_modified
from app.pages import PLOTLY_URL, resource_dir, static_version

router = APIRouter(include_in_schema=False)
_VERSION = re.compile(r"[0-9a-f]{12}")


# The package's file is one call, f(root, () => {…}). A browser takes a function in parentheses for
# one that is called at once and compiles it while the file arrives, off the page's own thread;
# without them it reads all 4.8 MB a second time when the call comes, and the page stands still.
_OPENING = (b"self : this, () => {", b"self : this, (() => {")
_CLOSING = (b"}));", b"})));")


@lru_cache(maxsize=1)
def plotly_source() -> bytes:
    """Return plotly.js as the installed package ships it, its factory in parentheses."""
    source = resources.files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    body = source.rstrip()
    if source.count(_OPENING[0]) != 1 or not body.endswith(_CLOSING[0]):
        return source
    return body.removesuffix(_CLOSING[0]).replace(*_OPENING) + _CLOSING[1]


@router.get(PLOTLY_URL)
def plotly_js(request: Request) -> Response:
    """Return plotly.js; its version is in the address, so it never changes there."""
    headers = {"Cache-Control": IMMUTABLE, "ETag": etag_of(PLOTLY_URL)}
    if matches(request.headers.get("if-none-match"), headers["ETag"]):
        return not_modified(headers)
    return Response(plotly_source(), media_type="text/javascript", headers=headers)


class StaticAssets(StaticFiles):
    """Files under static/: for ever where the address has their version, else asked for again."""

    def __init__(self) -> None:
        super().__init__(directory=resource_dir("static"))

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file with what a cache may do with it.

        A page of an older version gets what there is now, which is all of one version, too.
        """
        version, _, rest = path.partition("/")
        is_version = _VERSION.fullmatch(version) is not None
        response = await super().get_response(rest if is_version else path, scope)
        response.headers["Cache-Control"] = IMMUTABLE if version == static_version() else REVALIDATE
        return response
