"""How large a request's body may be, and how long it may take to come."""

import asyncio
import math
import re
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http_errors import HttpProblem, problem_body, problem_response

BODY_TIMEOUT_SECONDS: Final = 10.0
SLOWEST: Final = 50_000  # bytes a second of a large body


class BodyLimit:
    """Bounds what a body may weigh and how long it may take; both refusals are problems."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        timeout: float = BODY_TIMEOUT_SECONDS,
        larger: Mapping[re.Pattern[str], int] | None = None,
    ) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.timeout = timeout
        self.larger = dict(larger or {})  # of addresses that take more

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the body as it comes; a length that is announced is refused before it is read."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        most = self._limit(scope["path"])
        if not announced.isdecimal() or int(announced[:20]) > most:
            error = self._too_large(most)
            body = problem_body(error.status_code, str(error.detail))
            await problem_response(Request(scope), body, error.headers)(scope, receive, send)
            return
        slowest = SLOWEST if most > self.max_bytes else math.inf
        await self.app(scope, self._bounded(receive, most, slowest), send)

    def _limit(self, path: str) -> int:
        own = (size for pattern, size in self.larger.items() if pattern.fullmatch(path))
        return next(own, self.max_bytes)

    def _bounded(self, receive: Receive, most: int, slowest: float) -> Receive:
        """Return a `receive` that refuses what is too large, or slower than its time-out allows.

        Args:
            receive: Where the body comes from.
            most: Bytes at most.
            slowest: Bytes a second for which the time-out is put off.
        """
        size = 0
        complete = False
        deadline: float | None = None  # runs from the first look at the body

        async def receive_bounded() -> Message:
            nonlocal size, complete, deadline
            if complete:
                return await receive()
            if deadline is None:
                deadline = asyncio.get_running_loop().time() + self.timeout
            try:
                async with asyncio.timeout_at(deadline + size / slowest):
                    message = await receive()
            except TimeoutError as error:
                raise HttpProblem(
                    408,
                    f"The body did not arrive within {self.timeout:g} seconds.",
                    headers={"Connection": "close"},
                ) from error
            if message["type"] == "http.request":
                size += len(message.get("body", b""))
                complete = not message.get("more_body", False)
                if size > most:
                    raise self._too_large(most)
            return message

        return receive_bounded

    @staticmethod
    def _too_large(most: int) -> HttpProblem:
        detail = f"The body is larger than {most} bytes."
        return HttpProblem(413, detail, headers={"Connection": "close"})
