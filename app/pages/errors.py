"""The error page: the HTML face of a problem+json body, for a browser that asked for a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi import Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

from app.pages.base import PageContext, render


@dataclass(frozen=True, kw_only=True)
class ErrorPage(PageContext):
    """A problem (RFC 9457) as `error.html` shows it; of each fault its place and what is wrong."""

    template: ClassVar[str] = "error.html"
    status: int
    title: str
    detail: str
    errors: Sequence[tuple[str, str]]


def wants_page(request: Request) -> bool:
    """Return whether an error goes out as a page: a browser's navigation outside the API."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith("/api/")


def error_response(
    request: Request, templates: Jinja2Templates, problem: Mapping[str, Any]
) -> Response:
    """Render a problem+json body as a page of the same status."""
    page = ErrorPage(
        status=int(problem["status"]),
        title=str(problem["title"]),
        detail=str(problem.get("detail") or ""),
        errors=[(_place(fault), str(fault["detail"])) for fault in problem.get("errors", ())],
    )
    return render(request, templates, page, status_code=page.status)


def _place(fault: Mapping[str, Any]) -> str:
    """Return where a fault is: a pointer into the body, or the name of a parameter or header."""
    return next((fault[kind] for kind in ("pointer", "parameter", "header") if kind in fault), "")
