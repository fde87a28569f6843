"""The way in where a token is set: a form, or the link that the service prints at its start."""

from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.guards import TOKEN_COOKIE, cookie_value, same
from app.http_errors import HttpProblem
from app.pages.login import login_response

router = APIRouter(include_in_schema=False)

_FORM: Final = "application/x-www-form-urlencoded"
_FIELD: Final = "token"
_A_MONTH_SECONDS: Final = 30 * 24 * 3600


@router.get("/login")
async def login_page(request: Request, token: str | None = None) -> Response:
    """Return the form, or let in whoever follows the printed link."""
    return _enter(request, token)


@router.post("/login")
async def login(request: Request) -> Response:
    """Take the form's token and go on to the list of runs."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM:
        raise HttpProblem(415, f"expected a form ({_FORM}), got {media_type or 'no type'!r}")
    try:
        fields = parse_qs((await request.body()).decode(), max_num_fields=8)
    except ValueError as error:
        raise HttpProblem(400, "The form cannot be read.") from error
    return _enter(request, fields.get(_FIELD, [""])[0])


def _enter(request: Request, given: str | None) -> Response:
    settings = request.app.state.settings
    expected = settings.token.get_secret_value() if settings.token is not None else None
    if expected is None:
        return RedirectResponse("/", status_code=303)
    if given is None or not same(given.encode(errors="replace"), expected):
        refused = given is not None
        templates = request.app.state.templates
        return login_response(request, templates, status=401 if refused else 200, refused=refused)
    response = RedirectResponse("/", status_code=303, headers={"Cache-Control": "no-store"})
    response.set_cookie(
        TOKEN_COOKIE,
        cookie_value(expected),
        max_age=_A_MONTH_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response
