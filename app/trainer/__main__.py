"""`python -m app.trainer`: train as ordered, and tell."""

import gc
import os
import sys
import threading
from collections import deque
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any, Final

import engine
from app.trainer.collecting import collect_rarely
from app.trainer.failures import TrainerUnfit, message_of, report_of
from app.trainer.messages import Arrays, receive, send
from app.trainer.states import unpack_state
from app.trainer.telling import Teller

WARM_STEPS: Final = 2
"""Trained before it is ready, for what the first of them loads and binds."""


def main(orders: Connection, reports: Connection) -> None:
    """Train as ordered, from the state that is sent when this process is ready."""
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
    config = engine.RunConfig.from_dict(order["config"])
    _warm_up(config, data, unpack_state(tensors, order["state"]))
    found = engine.backend()
    if found != order["backend"]:  # its bits would be others
        raise TrainerUnfit(f"expected the backend {order['backend']!r}, got {found!r}")
    send(reports, {"ready": True})
    order, tensors = receive(orders)
    teller = Teller(reports, config)
    threading.Thread(target=_listen, args=(orders, teller), daemon=True).start()
    state = unpack_state(tensors, order["state"])
    for snapshot in engine.train(config, data=data, resume=state):
        teller.tell(snapshot)


def _warm_up(config: engine.RunConfig, data: Arrays | None, state: dict[str, Any]) -> None:
    """Make the first steps of a training, and leave nothing of it."""
    deque(islice(engine.train(config, data=data, resume=state), WARM_STEPS), maxlen=0)
    gc.collect()  # its parts refer to each other, and it takes as much memory as the one to come


def _listen(orders: Connection, teller: Teller) -> None:
    """Pass on that a state is asked for; end this process where nobody can ask any more."""
    while True:
        try:
            orders.recv_bytes()
        except (EOFError, OSError):
            os._exit(0)
        teller.ask()


if __name__ == "__main__":
    incoming, outgoing = (int(handle) for handle in sys.argv[1:])
    main(Connection(incoming, writable=False), Connection(outgoing, readable=False))
