"""What Prometheus reads."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.app.api.test_runs import NO_RUN, RUNS, create


async def measured(
    client: httpx.AsyncClient,
) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def labels(**names: str) -> frozenset[tuple[str, str]]:
    return frozenset(names.items())


async def test_runs_are_counted_by_state(client: httpx.AsyncClient) -> None:
    await create(client)
    run = await create(client)
    await client.post(f"{RUNS}/{run['id']}/cancel")
    found = await measured(client)
    counts = [found["gradtide_runs", labels(status=s)] for s in ("queued", "cancelled", "paused")]
    assert counts == [1, 1, 0]
    assert found["gradtide_event_streams", labels()] == 0


async def test_requests_are_counted_by_pattern_and_never_by_path(
    client: httpx.AsyncClient,
) -> None:
    for _ in range(3):
        await client.get(f"{RUNS}/{NO_RUN}")
    await client.get("/no/such/page")
    found = await measured(client)
    pattern = f"{RUNS}/{{run_id}}"
    counted = labels(method="GET", route=pattern, status="404")
    assert found["gradtide_http_requests_total", counted] == 3
    assert found["gradtide_http_request_seconds_count", labels(method="GET", route=pattern)] == 3
    routes = {dict(each).get("route") for name, each in found if name.endswith("requests_total")}
    assert routes == {pattern, "other"}
