"""`python -m app.trainer`: train as ordered, and tell."""

import os
import signal
import sys
import threading
import time
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any, Final

import engine
from app.trainer.collecting import collect_rarely
from app.trainer.failures import message_of, report_of
from app.trainer.messages import Arrays, receive, send, send_reports
from app.trainer.states import unpack_state

TOLD_SECONDS: Final = 0.1
"""Between two messages at most, where a step does not take longer."""

WARM_STEPS: Final = 2
"""Trained before it is ready, for what the first of them loads and binds."""


def main(orders: Connection, reports: Connection) -> None:
    """Train as ordered, from the state that is sent when this process is ready."""
    for stopping in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stopping, signal.SIG_IGN)  # they are for who gives the orders
    collect_rarely()
    try:
        _work(orders, reports)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # nobody is there any more
    except Exception as err:
        send(reports, {"error": message_of(err), "report": report_of(err)})


def _work(orders: Connection, reports: Connection) -> None:
    order, tensors = receive(orders)
    data = {name: tensors.pop(key) for name, key in order["data"].items()} or None
    state = unpack_state(tensors, order["state"])
    config = engine.RunConfig.from_dict(order["config"])
    for _ in islice(engine.train(config, data=data, resume=state), WARM_STEPS):
        pass
    send(reports, {"ready": True})
    order, tensors = receive(orders)
    _train(config, data, unpack_state(tensors, order["state"]), orders, reports)


def _train(
    config: engine.RunConfig,
    data: Arrays | None,
    state: dict[str, Any],
    orders: Connection,
    reports: Connection,
) -> None:
    asked = threading.Event()
    threading.Thread(target=_listen, args=(orders, asked), daemon=True).start()
    kept = config.recording.kept_steps(config.training.steps)
    untold: list[engine.Report] = []
    told_at = time.monotonic()
    for snapshot in engine.train(config, data=data, resume=state):
        due = config.recording.is_due(snapshot.step, last=snapshot.steps)
        whole = due or snapshot.is_last or snapshot.step in kept or asked.is_set()
        untold.append(engine.report_of(snapshot, whole=whole))
        now = time.monotonic()
        if whole or now - told_at >= TOLD_SECONDS:
            asked.clear()
            send_reports(reports, untold)
            untold, told_at = [], now


def _listen(orders: Connection, asked: threading.Event) -> None:
    """Note that a state is asked for; end this process where nobody can ask any more."""
    while True:
        try:
            orders.recv_bytes()
        except (EOFError, OSError):
            os._exit(0)
        asked.set()


if __name__ == "__main__":
    incoming, outgoing = (int(handle) for handle in sys.argv[1:])
    main(Connection(incoming, writable=False), Connection(outgoing, readable=False))
