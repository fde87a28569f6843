"""The page that asks for the token; it is what a browser without one gets at every address."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

from app.pages.base import PageContext, render

_HEADERS = {"Cache-Control": "no-store"}


@dataclass(frozen=True, kw_only=True)
class LoginPage(PageContext):
    """The form; `refused` where a token was given that is not ours."""

    template: ClassVar[str] = "login.html"
    refused: bool = False


def login_response(
    request: Request, templates: Jinja2Templates, *, status: int, refused: bool = False
) -> Response:
    """Render the form."""
    page = LoginPage(refused=refused)
    return render(request, templates, page, status_code=status, headers=_HEADERS)
