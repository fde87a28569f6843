"""What Prometheus asks for: runs by state, streams, and requests by route, status and time."""

import re
import time
from collections.abc import Iterator
from typing import Any, Final

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.events_hub import EventHub
from app.api.schemas import problems
from app.runs import RunStatus
from app.store import Store

router = APIRouter(tags=["health"])

API: Final = "/api/v1"
# What a pattern says of a name beside the name itself: {run_id:run}.
_CONVERTER: Final = re.compile(r":\w+(?=\})")
SECONDS: Final = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Prometheus' text format",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


class Metrics:
    """The measures of one application."""

    def __init__(self) -> None:
        """Make the measures; nothing is measured yet."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "gradtide_http_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "gradtide_http_request_seconds",
            "Time until an answer begins",
            ("method", "route"),
            registry=self.registry,
            buckets=SECONDS,
        )

    def watch(self, store: Store, hub: EventHub) -> None:
        """Tell the runs of a store and the streams of a hub at every scrape from now on."""
        self.registry.register(_Stored(store, hub))


class _Stored(Collector):
    def __init__(self, store: Store, hub: EventHub) -> None:
        self._store = store
        self._hub = hub

    def collect(self) -> Iterator[GaugeMetricFamily]:
        counts = self._store.runs.counts()
        runs = GaugeMetricFamily("gradtide_runs", "Runs by state", labels=("status",))
        for status in RunStatus:
            runs.add_metric((status.value,), counts.get(status.value, 0))
        yield runs
        yield GaugeMetricFamily(
            "gradtide_event_streams", "Open event streams", value=self._hub.open_streams
        )

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the measures without asking the store: it may not be there yet."""
        yield GaugeMetricFamily("gradtide_runs", "Runs by state", labels=("status",))
        yield GaugeMetricFamily("gradtide_event_streams", "Open event streams")


class Measured:
    """Counts requests and times their answers; the label is the route's pattern, never a path."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note when an answer begins."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = _route_of(scope)
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self.metrics.requests.labels(method, route, str(message["status"])).inc()
                self.metrics.seconds.labels(method, route).observe(time.perf_counter() - began)
            await send(message)

        await self.app(scope, receive, send_measured)


def _route_of(scope: Scope) -> str:
    pattern = _CONVERTER.sub("", getattr(scope.get("route"), "path", ""))
    # A route of an included router knows its path without the prefix, which pages have as well.
    inside = scope["path"].startswith(API) and not pattern.startswith(API)
    return f"{API}{pattern}" if pattern and inside else pattern or "other"


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@router.get("/metrics", responses={**_TEXT, **problems(401)})
def get_metrics(request: Request) -> Response:
    """Return the measures of this process and the store."""
    metrics: Metrics = request.app.state.metrics
    body = generate_latest(metrics.registry)
    return Response(body, media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
