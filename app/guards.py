"""What every request passes before a route sees it: host, origin, token, size, patience.

All are plain ASGI, so that a stream stays a stream, and refuse in the service's one error form.
Each check compares exactly; none matches a pattern against what a client sent.
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Collection
from typing import Final
from urllib.parse import SplitResult, urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http_errors import (
    HttpProblem,
    internal_error,
    problem_body,
    problem_response,
)

# 'unsafe-inline' for styles alone: Plotly lays its tool bar out with style elements of its own.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
# Referrer-Policy: `no-referrer` would turn the Origin of our own forms into "null".
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_COOKIE: Final = "gradtide_token"
# Open without the token: that it lives, the way in, and what the way in needs to look right.
OPEN_PATHS: Final = frozenset({"/healthz", "/login"})
_STYLE_SHEET: Final = re.compile(r"/static/(?:[0-9a-f]{12}/)?css/[a-z0-9_+-]+\.css")
_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?")
FRAME_PATH: Final = re.compile(r"/api/v1/captures/[^/]+/frames")
MAX_HEADER_BYTES: Final = 32_768
MAX_TARGET_BYTES: Final = 16_384
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class ResponseHeaders:
    """Outermost: the security headers on every answer, and the answer to a fault of our own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers that the route has not set itself."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            if started:
                raise
            response = internal_error(Request(scope), error)
            await response(scope, receive, send_with_headers)


class Guard:
    """Host, origin, token and header size, in this order; a refusal is a problem."""

    def __init__(
        self, app: ASGIApp, *, allowed_hosts: Collection[str] = (), token: str | None = None
    ) -> None:
        self.app = app
        self.hosts = LOOPBACK_NAMES | {_as_sent(host) for host in allowed_hosts}
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through or refuse it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self._check(scope)
        except HttpProblem as refusal:
            body = problem_body(refusal.status_code, str(refusal.detail))
            response = problem_response(Request(scope), body, refusal.headers)
            await response(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if sum(len(name) + len(value) for name, value in headers.raw) > MAX_HEADER_BYTES:
            raise HttpProblem(431, f"The headers are larger than {MAX_HEADER_BYTES} bytes.")
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET_BYTES:
            raise HttpProblem(414, f"The address is longer than {MAX_TARGET_BYTES} bytes.")
        host, port = self._host(headers)
        if scope["method"] not in SAFE_METHODS:
            check_origin(headers, host, port)
        if self.token is not None and not is_open(scope["path"]):
            self._check_token(headers, self.token)

    def _host(self, headers: Headers) -> tuple[str, int | None]:
        values = headers.getlist("host")
        match = _HOST.fullmatch(values[0].lower()) if len(values) == 1 else None
        if match is None or match["name"] not in self.hosts:
            raise HttpProblem(
                400, "This Host is not served here; GRADTIDE_ALLOWED_HOSTS names others."
            )
        return match["name"], int(match["port"]) if match["port"] else None

    @staticmethod
    def _check_token(headers: Headers, token: str) -> None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # Headers are bytes, which Starlette shows as Latin-1.
        if scheme.lower() == "bearer" and same(given.strip().encode("latin-1"), token):
            return
        if same(_cookie(headers).encode("latin-1"), cookie_value(token)):
            return
        raise HttpProblem(
            401,
            "A token is needed: `Authorization: Bearer …`, or open /login.",
            headers={"WWW-Authenticate": 'Bearer realm="Gradtide"'},
        )


class HeadAnswers:
    """Answers HEAD on every address that answers GET: the same headers, no body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the route as by GET and let the body go; a stream ends where it would begin."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        ended = asyncio.Event()

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                ended.set()

        async def receive_until_answered() -> Message:
            await ended.wait()
            return {"type": "http.disconnect"}

        await self.app({**scope, "method": "GET"}, receive_until_answered, send_head)


def check_origin(headers: Headers, host: str, port: int | None) -> None:
    """Refuse a request that a page of another origin made.

    Browsers send `Origin` with every unsafe request, or at least `Sec-Fetch-Site`; other programs
    send neither and cannot be made to by a page.
    """
    origins = headers.getlist("origin")
    if not origins:
        if headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            raise HttpProblem(403, "A page of another site may not do this.")
        return
    if len(origins) != 1 or not _is_origin_of(origins[0], host, port):
        raise HttpProblem(403, "The Origin is not this service's own.")


def _as_sent(host: str) -> str:
    """Return a host as a client names it: an IPv6 address stands in brackets."""
    bare = host.strip("[]").lower()
    return f"[{bare}]" if ":" in bare else bare


def _is_origin_of(origin: str, host: str, port: int | None) -> bool:
    try:
        parts: SplitResult = urlsplit(origin)
        default = _DEFAULT_PORTS.get(parts.scheme)
        origin_port = parts.port or default
    except ValueError:
        return False
    if default is None or origin != f"{parts.scheme}://{parts.netloc}":
        return False
    # A proxy may speak https for us, so the scheme is the origin's; name and port must be ours.
    name = parts.netloc.lower().rpartition(":")[0] if parts.port else parts.netloc.lower()
    return name == host and origin_port == (port or default)


def is_open(path: str) -> bool:
    """Return whether a path is served without the token."""
    return path in OPEN_PATHS or _STYLE_SHEET.fullmatch(path) is not None


def cookie_value(token: str) -> str:
    """Return what the cookie holds: a digest, so that any token fits and none lies in a browser."""
    return hmac.new(token.encode(), b"gradtide cookie", hashlib.sha256).hexdigest()


def same(given: bytes, expected: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given, expected.encode())


def _cookie(headers: Headers) -> str:
    # Starlette's parser reads past another program's odd cookie; the standard library's stops.
    return cookie_parser(headers.get("cookie", "")).get(TOKEN_COOKIE, "")
