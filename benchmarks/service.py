"""How much the service answers while a run trains: `python -m benchmarks.service [--seconds S]`.

One server process with ten thousand runs in its table, a training run niced beside it, and
clients in this process: server, worker and clients share the machine's cores, so the figures are
lower bounds.
"""

import argparse
import asyncio
import itertools
import json
import os
import platform
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.runs.service import described
from app.settings import Settings
from app.store import open_store
from app.store.run_table import NewRun
from app.store.tables import events, runs
from benchmarks.beside import TRAINING, slowdown
from benchmarks.clients import hammer, listen
from benchmarks.serving import Serving

RESULTS = Path(__file__).parent / "results" / "service.json"
ROWS = 10_000
SIZE = 200  # of the slice: times × times, float32

# id, what is asked for, goal in answers a second, goal for the slowest hundredth in milliseconds
GOALS: dict[str, tuple[str, float, float | None]] = {
    "L1": ("/healthz", 2000, None),
    "L2": ("the list: 50 of 10,000 runs", 300, 150),
    "L3": ("a slice of 200 × 200, f4", 1200, None),
    "L4": ("the same, Arrow", 1000, None),
    "L5": ("the same, npy", 1000, None),
    "L6": ("slices that nobody asked for before, npy", 400, None),
    "L7": ("the same as JSON", 200, None),
    "L8": ("the same, 304", 1500, None),
}
FILLER: dict[str, Any] = {
    "name": "one of many",
    "task": {"kind": "adding", "length": 12},
    "model": {"cell": "elman", "hidden_size": 4},
    "training": {"steps": 4},
}
SLICED: dict[str, Any] = {
    "name": "sliced",
    "task": {"kind": "copy", "length": SIZE},
    "model": {"cell": "elman", "hidden_size": 16},
    "training": {"steps": 2, "batch_size": 4},
    "recording": {"every": 1, "probe_size": 2, "statistics": ["loss_state_gradient"]},
}


def fill(data: Path) -> None:
    """Put ten thousand finished runs into a store."""
    store = open_store(Settings(data=data))
    complete, facts, _ = described(FILLER)
    for _ in range(ROWS // 1000):
        store.runs.create_all([NewRun(complete, facts, [])] * 1000, max_queue=None)
    with store.database.write() as connection:
        connection.execute(sa.update(runs).values(status="succeeded", finished_at=sa.func.now()))
    store.close()


def requests(server: Serving, seconds: float, only: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the figures of L1 to L8."""
    run = server.finish(SLICED)
    beside = str(server.client.post("/runs", json=TRAINING).json()["id"])
    slice_ = f"/api/v1/runs/{run}/statistics/loss_state_gradient?step=1"
    unused = itertools.count()
    etag = server.client.get(f"/runs/{run}/statistics/loss_state_gradient?step=1").headers["etag"]

    def cold(_: int) -> str:
        # Ranges end at the last time there is: the same numbers, asked for in words never used.
        return f"{slice_}&format=npy&loss_time=1:{SIZE + next(unused)}"

    asked: dict[str, tuple[Any, str]] = {
        "L1": (lambda _: "/healthz", ""),
        "L2": (lambda _: "/api/v1/runs?limit=50", ""),
        "L3": (lambda _: f"{slice_}&format=f4", ""),
        "L4": (lambda _: f"{slice_}&format=arrow", ""),
        "L5": (lambda _: f"{slice_}&format=npy", ""),
        "L6": (cold, ""),
        "L7": (lambda _: f"{slice_}&format=json", ""),
        "L8": (lambda _: slice_, f"If-None-Match: {etag}\r\n"),
    }
    found = {}
    for name, (path, headers) in asked.items():
        if only and name not in only:
            continue
        answers = asyncio.run(hammer(server.port, path, seconds=seconds, headers=headers))
        what, goal, slowest = GOALS[name]
        p99 = answers.quantile(0.99)
        found[name] = {
            "what": what,
            "per_second": round(answers.rate),
            "p50_ms": round(answers.quantile(0.5), 2),
            "p99_ms": round(p99, 2),
            "bytes": answers.bytes,
            "statuses": sorted(answers.statuses),
            "goal": goal,
            "met": answers.rate >= goal and (slowest is None or p99 <= slowest),
        }
    server.client.post(f"/runs/{beside}/cancel")
    return found


def streams(server: Serving, data: Path, *, clients: int, seconds: float) -> dict[str, Any]:
    """Return L9: how soon so many readers of one stream hear of an event, ten of them a second."""
    store = open_store(Settings(data=data), migrate=False)
    run = store.runs.page(limit=1)[0][0].id
    sent: dict[int, float] = {}
    stop = threading.Event()
    before = server.resident

    def write() -> None:
        while not stop.wait(0.1):
            with store.database.write() as connection:
                store.events.append(connection, run, "frame", step=len(sent))
                # Before the commit: a reader may hear of it before this thread goes on.
                newest = connection.scalar(sa.select(sa.func.max(events.c.id)))
                sent[newest or 0] = time.perf_counter()

    writer = threading.Thread(target=write)

    async def both() -> Any:  # noqa: ANN401  # what was heard
        listening = asyncio.create_task(
            listen(server.port, "/api/v1/events", clients=clients, seconds=seconds, sent=sent)
        )
        await asyncio.sleep(2)  # until all are connected
        writer.start()
        await asyncio.sleep(seconds - 4)
        stop.set()
        return await listening

    heard = asyncio.run(both())
    writer.join()
    store.close()
    taken = sorted(heard.seconds)
    p99 = 1e3 * taken[int(0.99 * (len(taken) - 1))] if taken else float("nan")
    share = heard.events / max(1, clients * len(sent))
    return {
        "what": f"{clients} streams, {len(sent)} events",
        "heard": round(share, 4),
        "p99_ms": round(p99, 1),
        "resident_growth_mb": round((server.resident - before) / 2**20, 1),
        "goal": "all heard, p99 150 ms, 20 MB",
        "met": share >= 1 and p99 <= 150 and server.resident - before <= 20 * 2**20,
    }


def main() -> None:
    """Measure, print, keep the JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each kind of request")
    parser.add_argument("--clients", type=int, default=100, help="event streams")
    parser.add_argument("--listen", type=float, default=60.0, help="seconds that they listen")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures go")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        fill(data)
        server = Serving(data)
        try:
            found = requests(server, arguments.seconds)
            clients, seconds = arguments.clients, arguments.listen
            found["L9"] = streams(server, data, clients=clients, seconds=seconds)
            found["L13"] = slowdown(server, data)
        finally:
            server.close()
    machine = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": [round(each, 1) for each in os.getloadavg()],
    }
    arguments.json.write_text(json.dumps({"machine": machine, "figures": found}, indent=1) + "\n")
    for name, row in found.items():
        print(name, json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
