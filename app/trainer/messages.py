"""Messages between two processes of one run: JSON and tensors, nothing that could be run."""

import json
from collections.abc import Mapping
from multiprocessing.connection import Connection
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from app.trainer.states import pack_state, unpack_state
from engine import Report

Arrays = Mapping[str, NDArray[Any]]
Message = tuple[dict[str, Any], dict[str, NDArray[Any]]]

NUMBERS: Final = "numbers"
RATIOS: Final = "update ratios"
_NOTHING: Final[Arrays] = MappingProxyType({})


def send(connection: Connection, head: Mapping[str, Any], tensors: Arrays = _NOTHING) -> None:
    """Send a message.

    Raises:
        OSError: Nobody is at the other end any more.
    """
    whole = {
        name: array if array.flags.c_contiguous else array.copy() for name, array in tensors.items()
    }
    connection.send_bytes(json.dumps(head).encode())
    connection.send_bytes(save(whole))


def receive(connection: Connection) -> Message:
    """Wait for a message.

    Raises:
        EOFError: Nobody is at the other end any more.
        OSError: Nor was while it came.
    """
    head: dict[str, Any] = json.loads(connection.recv_bytes())
    return head, load(connection.recv_bytes())


def send_reports(connection: Connection, reports: list[Report]) -> None:
    """Send what is told of some snapshots in turn; the last of them alone may be whole."""
    last = reports[-1]
    width = max(len(report.numbers) for report in reports)
    numbers = np.full((len(reports), width), np.nan)
    for row, report in zip(numbers, reports, strict=True):
        row[: len(report.numbers)] = report.numbers
    if last.state is None:
        send(connection, {}, {NUMBERS: numbers})
        return
    tensors, text = pack_state(last.state)
    ratios = last.update_ratios
    head = {"state": text, "ratios_of": None if ratios is None else list(ratios)}
    # As numbers, not as text: there a NaN has no sign, and what is recorded has all its bits.
    tensors[RATIOS] = np.array([] if ratios is None else list(ratios.values()), np.float64)
    send(connection, head, {NUMBERS: numbers, **tensors})


def reports_of(message: Message) -> list[Report]:
    """Return what a message tells of some snapshots."""
    head, tensors = message
    reports = [Report(numbers) for numbers in tensors.pop(NUMBERS).tolist()]
    if "state" in head:
        state, of = unpack_state(tensors, head["state"]), head["ratios_of"]
        ratios = None if of is None else dict(zip(of, tensors[RATIOS].tolist(), strict=True))
        reports[-1] = Report(reports[-1].numbers, state, ratios)
    return reports
