"""Bring your own: lists of uploaded data sets and models, a form for more, and what is in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.templating import Jinja2Templates
from starlette.responses import RedirectResponse, Response

from app.pages.base import PageContext, render
from app.pages.upload_facts import Fact, facts_of, summary_of
from app.pages.upload_links import Choice, Way, columns_of, prefill_of, ways_from
from app.receiving import Received, receiving
from app.runs.sizes import size_text
from app.settings import Settings
from app.store import Resource, Store, Upload
from app.uploads import UploadError, Wanted, keep_dataset, keep_model

MOST_SHOWN = 200
NO_STORE = MappingProxyType({"Cache-Control": "no-store"})
FIELDS: Mapping[Resource, tuple[str, ...]] = {
    "dataset": ("name", "kind", "columns"),
    "model": ("name", "activation", "prefix", "readout"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadRow:
    """An upload in the list."""

    href: str
    name: str
    kind: str
    summary: str
    size: str


@dataclass(frozen=True, kw_only=True)
class UploadsPage(PageContext):
    """What uploads.html is given."""

    template: ClassVar[str] = "uploads.html"
    here: ClassVar[str] = "uploads"

    resource: Resource
    rows: tuple[UploadRow, ...]
    problems: tuple[str, ...]
    entered: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class UploadPage(PageContext):
    """What upload.html is given."""

    template: ClassVar[str] = "upload.html"
    here: ClassVar[str] = "uploads"

    resource: Resource
    upload: UploadRow
    action: str
    facts: tuple[Fact, ...]
    preview_text: str
    preview_head: tuple[str, ...]
    preview_rows: tuple[tuple[str, ...], ...]
    left_out: tuple[tuple[str, str], ...]
    ways: tuple[Way, ...]
    prefill: tuple[tuple[str, str], ...]
    choices: tuple[Choice, ...]


def build_router(templates: Jinja2Templates) -> APIRouter:
    """Return the routes of both kinds of uploads."""
    router = APIRouter()
    for resource in FIELDS:
        router.include_router(_routes(templates, resource))
    return router


def _routes(templates: Jinja2Templates, resource: Resource) -> APIRouter:
    router = APIRouter(prefix=f"/{resource}s")

    @router.get("")
    def uploads(request: Request) -> Response:
        return render(request, templates, list_page(_store(request), resource), headers=NO_STORE)

    @router.post("")
    async def upload(request: Request) -> Response:
        store, settings = _store(request), request.app.state.settings
        async with receiving(request, store.uploads.new_place()) as received:
            try:
                kept = await run_in_threadpool(_kept, resource, store, settings, received)
            except UploadError as error:
                page = list_page(store, resource, error, received)
                return render(request, templates, page, status_code=422, headers=NO_STORE)
        return RedirectResponse(f"/{resource}s/{kept.id}", status_code=303)

    @router.get("/{upload_id}")
    def one(request: Request, upload_id: str) -> Response:
        store = _store(request)
        page = detail_page(store, resource, store.uploads.get(resource, upload_id))
        return render(request, templates, page, headers=NO_STORE)

    @router.post("/{upload_id}/delete")
    def delete(request: Request, upload_id: str) -> Response:
        _store(request).uploads.delete(resource, upload_id)
        return RedirectResponse(f"/{resource}s", status_code=303)

    return router


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def _kept(resource: Resource, store: Store, settings: Settings, received: Received) -> Upload:
    most = settings.max_upload_bytes
    if resource == "dataset":
        return keep_dataset(
            store,
            received.path,
            kind=received.text("kind"),
            columns=received.texts("columns"),
            name=received.text("name"),
            hints=received.hints,
            most_bytes=most,
        )
    words = {name: received.text(name) for name in ("activation", "prefix", "readout")}
    return keep_model(
        store,
        received.path,
        wanted=Wanted(**words),
        name=received.text("name"),
        hints=received.hints,
        most_bytes=most,
    )


def list_page(
    store: Store,
    resource: Resource,
    error: UploadError | None = None,
    received: Received | None = None,
) -> UploadsPage:
    """Return the list with its form, and with what is wrong with what was sent."""
    found, _ = store.uploads.page(resource, limit=MOST_SHOWN)
    names = FIELDS[resource]
    entered = {name: (received.text(name) or "") if received else "" for name in names}
    return UploadsPage(
        resource=resource,
        rows=tuple(row_of(upload) for upload in found),
        problems=problems_of(error, received) if error else (),
        entered=entered,
    )


def problems_of(error: UploadError, received: Received | None) -> tuple[str, ...]:
    """Say what is wrong with a file, each time by its name: a browser forgets which it was."""
    named = f"{received.hints[0]}: " if received and received.hints and received.hints[0] else ""
    return tuple(f"{named}{problem.detail}" for problem in error.problems)


def row_of(upload: Upload) -> UploadRow:
    """Return an upload as lists show it."""
    return UploadRow(
        href=f"/{upload.resource}s/{upload.id}",
        name=upload.name,
        kind=upload.kind,
        summary=summary_of(upload),
        size=size_text(upload.bytes),
    )


def detail_page(store: Store, resource: Resource, upload: Upload) -> UploadPage:
    """Return what was found in an upload, and where to go on from it."""
    told = upload.description
    head, rows = _preview(upload)
    return UploadPage(
        resource=resource,
        upload=row_of(upload),
        action=f"/{resource}s/{upload.id}/delete",
        facts=facts_of(upload),
        preview_text=told["preview"] if upload.kind == "text" else "",
        preview_head=head,
        preview_rows=rows,
        left_out=tuple(_left_out(told.get("left_out", ()))),
        ways=ways_from(store, upload),
        choices=columns_of(upload),
        prefill=prefill_of(upload) if upload.resource == "dataset" else (),
    )


def _left_out(parts: Sequence[Any]) -> list[tuple[str, str]]:
    return [
        (each["name"], each["reason"]) if isinstance(each, dict) else (str(each), "not needed")
        for each in parts
    ]


def _preview(upload: Upload) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return head and rows of a preview that is a table."""
    told = upload.description
    if upload.resource == "model":
        shapes = told["parameters"].items()
        return ("Weight", "Shape"), tuple((name, " × ".join(map(str, s))) for name, s in shapes)
    if upload.kind == "text":
        return (), ()
    rows = tuple(tuple("missing" if x is None else f"{x:.5g}" for x in r) for r in told["preview"])
    if upload.kind == "series":
        return tuple(column["name"] for column in told["columns"]), rows
    return tuple(f"x{i}" for i in range(1, 1 + len(rows[0]))), rows
