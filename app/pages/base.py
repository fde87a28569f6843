"""What every page shares: where its files are, how its context is rendered, what is in the bar."""

import hashlib
import posixpath
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from fastapi import Request
from fastapi.templating import Jinja2Templates
from jinja2 import StrictUndefined
from plotly.offline import get_plotlyjs_version
from starlette.responses import Response

import engine
from app.figures import TRACES
from app.pages.verdicts import told
from app.runs import status_word

# What the file is made of is in the address, so that a browser may keep it for ever.
PLOTLY_URL = f"/static/vendor/plotly-{get_plotlyjs_version()}-{'-'.join(TRACES)}.min.js"

# Enough of a digest to tell two versions of the files apart in an address.
_DIGEST_CHARS = 12
# What a script of ours imports: always beside itself, with its ending.
_IMPORT = re.compile(r'^(?:import|export)\b[^;"]*"(\.[^"]+\.js)";', re.MULTILINE)


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


@dataclass(frozen=True, kw_only=True, slots=True)
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
    environment.globals.update(static=static_url, imported=imported_urls, navigation=NAVIGATION)
    return templates


@lru_cache(maxsize=1)
def known_catalog() -> Mapping[str, Any]:
    """Return the engine's catalog, put together once: nothing is added while the service runs."""
    return MappingProxyType(engine.catalog())


def static_url(path: str) -> str:
    """Return the address of a file under static/, with the version of all of them in it.

    It stands before the path, so that what a script imports beside itself has it as well: a
    browser that has been here asks for nothing again.
    """
    return f"/static/{static_version()}/{path}"


def static_version() -> str:
    """Return the version of the files under static/: a digest of them all, so an edit shows."""
    return _version_at(int(time.monotonic()))


@lru_cache(maxsize=1)
def _version_at(_second: int) -> str:
    """Look at the files' times of change at most once a second."""
    files = sorted(path for path in resource_dir("static").rglob("*.*") if path.is_file())
    return _digest(tuple((path, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=4)
def _digest(files: tuple[tuple[Path, int], ...]) -> str:
    digest = hashlib.sha256()
    for file, _ in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:_DIGEST_CHARS]


def imported_urls(entry: str) -> tuple[str, ...]:
    """Return the addresses of what a script imports, and what that imports: all to ask for at once.

    Otherwise a browser learns of each file only from the one that imports it.
    """
    return tuple(static_url(path) for path in _imported(entry, static_version()))


@lru_cache(maxsize=64)
def _imported(entry: str, _version: str) -> tuple[str, ...]:
    root = resource_dir("static")
    found = [entry]
    for path in found:  # grows while it is walked
        for name in _IMPORT.findall((root / path).read_text(encoding="utf-8")):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
            if target not in found:
                found.append(target)
    return tuple(found[1:])


def context_names(context: type[PageContext] | PageContext) -> tuple[str, ...]:
    """Return the names that a context gives its template, `here` among them."""
    return ("here", *(field.name for field in fields(context)))


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
