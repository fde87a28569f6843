"""/docs: Swagger UI from files that an installed package carries, started without inline script."""

from functools import lru_cache
from importlib import resources
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from app.http_errors import HttpProblem
from app.wire import to_json

router = APIRouter(include_in_schema=False)

_PACKAGE: Final = "fastapi_offline"
_ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
_A_DAY: Final = "private, max-age=86400"
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Gradtide · REST API</title>
  <link rel="icon" href="/static/icons/gradtide.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
  <script src="/docs/swagger-ui-bundle.js" defer></script>
  <script src="/docs/start.js" defer></script>
</head>
<body>
  <div id="swagger-ui"></div>
  <noscript>This page needs scripts; the same as data: <a href="/openapi.json">/openapi.json</a>
  </noscript>
</body>
</html>
"""
_START: Final = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""


@router.get("/docs")
async def docs_page() -> Response:
    """Return the page."""
    return HTMLResponse(_PAGE)


@router.get("/docs/start.js")
async def docs_start() -> Response:
    """Return the script that starts Swagger UI: no inline script passes the service's CSP."""
    return Response(_START, media_type="text/javascript")


@router.get("/docs/{name}")
def docs_asset(name: str) -> Response:
    """Return one of Swagger UI's files."""
    if name not in _ASSETS:
        raise HttpProblem(404, f"no such file: {name[:60]!r}")
    return Response(_read(name), media_type=_ASSETS[name], headers={"Cache-Control": _A_DAY})


@lru_cache
def _read(name: str) -> bytes:
    return resources.files(_PACKAGE).joinpath("static", name).read_bytes()


@router.get("/openapi.json")
async def openapi_document(request: Request) -> Response:
    """Return the OpenAPI document."""
    return Response(to_json(request.app.openapi()), media_type="application/json")
