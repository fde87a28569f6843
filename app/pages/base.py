"""What every page shares: where its files are, how its context is rendered, what is in the bar."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from fastapi import Request
from fastapi.templating import Jinja2Templates
from jinja2 import StrictUndefined
from plotly.offline import get_plotlyjs_version
from starlette.responses import Response

from app.pages.verdicts import told

# The version is in the address, so that a browser may keep the file for ever.
PLOTLY_URL = f"/static/vendor/plotly-{get_plotlyjs_version()}.min.js"

# Enough of a digest to tell two versions of a file apart in an address.
_DIGEST_CHARS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class NavigationEntry:
    """A page in the app bar; `name` is what a context's `here` says."""

    name: str
    title: str
    href: str


NAVIGATION = (
    NavigationEntry(name="index", title="Runs", href="/"),
    NavigationEntry(name="new", title="New run", href="/runs/new"),
    NavigationEntry(name="compare", title="Compare", href="/compare"),
    NavigationEntry(name="sweeps", title="Sweeps", href="/sweeps"),
    NavigationEntry(name="uploads", title="Bring your own", href="/datasets"),
    NavigationEntry(name="activations", title="Activations", href="/activations"),
    NavigationEntry(name="learn", title="Learn", href="/learn"),
)


class PageContext:
    """What a template is given: a frozen dataclass whose fields are the template's names."""

    template: ClassVar[str]
    here: ClassVar[str] = ""


def resource_dir(name: str) -> Path:
    """Return `templates` or `static`: package data of a wheel, or top level of a checkout."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / name
    return packaged if packaged.is_dir() else package.parent / name


def build_templates() -> Jinja2Templates:
    """Return the template environment that `build_router` takes."""
    templates = Jinja2Templates(directory=resource_dir("templates"))
    environment = templates.env
    environment.undefined = StrictUndefined
    environment.trim_blocks = True
    environment.lstrip_blocks = True
    environment.filters["status_word"] = status_word
    environment.filters["told"] = told
    environment.globals.update(static=static_url, navigation=NAVIGATION)
    return templates


def status_word(status: str) -> str:
    """Return a run's status as pages say it.

    A run that came to its end may have learned nothing: "succeeded" beside "vanishing" misleads.

    >>> status_word("succeeded"), status_word("queued")
    ('Finished', 'Queued')
    """
    return "Finished" if status == "succeeded" else status.capitalize()


def static_url(path: str) -> str:
    """Return the address of a file under static/, with its content's digest as version."""
    file = resource_dir("static") / path
    return f"/static/{path}?v={_digest(file, file.stat().st_mtime_ns)}"


@lru_cache(maxsize=256)
def _digest(file: Path, _modified: int) -> str:
    """Return a file's digest; its time of change is in the key, so that an edit shows at once."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:_DIGEST_CHARS]


def context_names(context: type[PageContext] | PageContext) -> tuple[str, ...]:
    """Return the names that a context gives its template, `here` among them."""
    return ("here", *(field.name for field in fields(context)))  # type: ignore[arg-type]  # subclasses are dataclasses


def render(
    request: Request,
    templates: Jinja2Templates,
    context: PageContext,
    *,
    status_code: int = 200,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """Render a context with its template."""
    values = {name: getattr(context, name) for name in context_names(context)}
    return templates.TemplateResponse(
        request, context.template, values, status_code=status_code, headers=dict(headers)
    )
