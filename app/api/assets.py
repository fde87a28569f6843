"""What browsers load: our own scripts and styles, and plotly.js from the installed package."""

import mimetypes
import re
import stat
from functools import lru_cache
from importlib import resources
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.api.caching import IMMUTABLE, REVALIDATE, etag_of, matches, not_modified
from app.figures import TRACES
from app.pages import PLOTLY_URL, resource_dir, static_version

router = APIRouter(include_in_schema=False)
_VERSION = re.compile(r"[0-9a-f]{12}")
_SHEETS = re.compile(r"css/([a-z_+]+)\.css")


# The package's file is one call, f(root, () => {…}). A browser takes a function in parentheses for
# one that is called at once and compiles it while the file arrives, off the page's own thread;
# without them it reads all 4.8 MB a second time when the call comes, and the page stands still.
_OPENING = (b"self : this, () => {", b"self : this, (() => {")
_CLOSING = (b"}));", b"})));")
# The call ends by registering every type of trace, which is most of what it does: maps, globes and
# volumes among them, half a second of a page's own thread. What is no type of trace stays.
_DRAWN = frozenset(name.encode() for name in TRACES) | {None}
_REGISTERED = re.compile(rb"(\.register\(\[)((?:[\w$]+\(\),?)+)(\]\))")
# A type is a module that says so, behind one or two short ones that pass it on.
_TRACE = re.compile(rb'moduleType:"trace",name:"(\w+)"')
_PASSED_ON = re.compile(rb"=([\w$]+)\(\)")
_SHORT_BYTES = 150


@lru_cache(maxsize=1)
def plotly_source() -> bytes:
    """Return plotly.js as the installed package ships it, made quick to load.

    Its factory stands in parentheses, and of the types of traces it has those that are drawn here.
    """
    source = resources.files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    return _compiled_at_once(_with_few_traces(source))


def _compiled_at_once(source: bytes) -> bytes:
    body = source.rstrip()
    if source.count(_OPENING[0]) != 1 or not body.endswith(_CLOSING[0]):
        return source
    return body.removesuffix(_CLOSING[0]).replace(*_OPENING) + _CLOSING[1]


def _with_few_traces(source: bytes) -> bytes:
    """Leave the types that are not drawn here out of those registered: what is unclear stays."""
    lists = _REGISTERED.findall(source)
    if len(lists) != 1:
        return source
    before, listed, after = lists[0]
    modules = listed.split(b",")
    kept = [one for one in modules if _trace_of(source, one) in _DRAWN]
    return source.replace(b"".join(lists[0]), before + b",".join(kept) + after)


def _trace_of(source: bytes, call: bytes) -> bytes | None:
    """Return the type of trace that a module is; None where it is something else."""
    name = call.removesuffix(b"()")
    while True:
        start = source.find(b"var %s=" % name)
        module = source[start : source.find(b"});", start)] if start >= 0 else b""
        found, passed = _TRACE.search(module), _PASSED_ON.search(module)
        if found is not None:
            return found[1]
        if passed is None or len(module) > _SHORT_BYTES:
            return None
        name = passed[1]


@router.get(PLOTLY_URL)
def plotly_js(request: Request) -> Response:
    """Return plotly.js; its version is in the address, so it never changes there."""
    headers = {"Cache-Control": IMMUTABLE, "ETag": etag_of(PLOTLY_URL)}
    if matches(request.headers.get("if-none-match"), headers["ETag"]):
        return not_modified(headers)
    return Response(plotly_source(), media_type="text/javascript", headers=headers)


def joined(path: str) -> tuple[str, ...]:
    """Return the files behind an address: of `css/a+b.css` each sheet once, else the one.

    >>> joined("css/tokens+base.css")
    ('css/tokens.css', 'css/base.css')
    >>> joined("css/base+base.css"), joined("js/a+b.js")
    (('css/base+base.css',), ('js/a+b.js',))
    """
    found = _SHEETS.fullmatch(path)
    names = found[1].split("+") if found else []
    if len(names) < 2 or len(set(names)) < len(names):
        return (path,)
    return tuple(f"css/{name}.css" for name in names)


class StaticAssets(StaticFiles):
    """Files under static/: for ever where the address has their version, else asked for again.

    Style sheets can be asked for as one, `css/tokens+base.css`: a page is not painted before the
    last of them is there.
    """

    def __init__(self) -> None:
        super().__init__(directory=resource_dir("static"))
        self._kept: dict[str, tuple[str, bytes]] = {}
        self._kept_version = ""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file with what a cache may do with it.

        A page of an older version gets what there is now, which is all of one version, too.
        """
        version, _, rest = path.partition("/")
        is_version = _VERSION.fullmatch(version) is not None
        wanted = rest if is_version else path
        cache = IMMUTABLE if version == static_version() else REVALIDATE
        if scope["method"] == "GET" and (cache == IMMUTABLE or len(joined(wanted)) > 1):
            kept = self._file(static_version(), wanted)
            if kept is not None:
                etag = etag_of(static_version(), wanted)
                return _answer(kept, etag, cache, Headers(scope=scope))
        response = await super().get_response(wanted, scope)
        response.headers["Cache-Control"] = cache
        return response

    def _file(self, version: str, path: str) -> tuple[str, bytes] | None:
        """Return a file's type and bytes from memory: a page asks for forty of them at once."""
        if version != self._kept_version:
            self._kept, self._kept_version = {}, version
        if path not in self._kept:
            files = [self._found(name) for name in joined(path)]
            if None in files:
                return None
            kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
            self._kept[path] = kind, b"".join(file.read_bytes() for file in files if file)
        return self._kept[path]

    def _found(self, path: str) -> Path | None:
        try:
            found, facts = self.lookup_path(path)
        except (OSError, ValueError):  # no name of a file: answered as for any other
            return None
        return Path(found) if facts is not None and stat.S_ISREG(facts.st_mode) else None


def _answer(file: tuple[str, bytes], etag: str, cache: str, asked: Headers) -> Response:
    headers = {"Cache-Control": cache, "ETag": etag}
    if matches(asked.get("if-none-match"), etag):
        return not_modified(headers)
    return Response(file[1], media_type=file[0], headers=headers)
