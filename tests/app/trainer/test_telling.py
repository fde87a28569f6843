"""What a trainer tells: whole where it is asked for or of use, and bit for bit."""

import gc
import math
import struct
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

import engine
from app.trainer import __main__ as trainer
from app.trainer import telling
from app.trainer.messages import receive, reports_of, send_reports
from app.trainer.telling import Teller

CONFIG = engine.RunConfig.from_dict(
    {
        "name": "told",
        "task": {"kind": "adding", "length": 12},
        "model": {"cell": "elman", "hidden_size": 6},
        "training": {"steps": 9, "batch_size": 4},
        "recording": {"every": 100, "checkpoints": [3]},
    }
)


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    reading, writing = Pipe(duplex=False)
    with reading, writing:
        yield reading, writing


def whole_steps(reading: Connection) -> list[int]:
    found = []
    while reading.poll():
        found += [int(r.numbers[0]) for r in reports_of(receive(reading)) if r.state is not None]
    return found


def test_what_is_looked_at_or_kept_is_whole(ends: tuple[Connection, Connection]) -> None:
    teller = Teller(ends[1], CONFIG)
    for snapshot in engine.train(CONFIG):
        teller.tell(snapshot)
    assert whole_steps(ends[0]) == [0, 3, 9]


def test_who_asks_while_something_is_told_is_not_forgotten(
    ends: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "TOLD_SECONDS", 0.0)
    teller = Teller(ends[1], CONFIG)

    def ask_and_report(snapshot: engine.Snapshot, *, whole: bool) -> engine.Report:
        if snapshot.step == 5:
            teller.ask()
        return engine.report_of(snapshot, whole=whole)

    monkeypatch.setattr(telling, "report_of", ask_and_report)
    for snapshot in engine.train(CONFIG):
        teller.tell(snapshot)
    assert whole_steps(ends[0]) == [0, 3, 6, 9]


def test_of_slow_steps_all_are_whole(
    ends: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "SLOW_SECONDS", 0.0)
    teller = Teller(ends[1], CONFIG)
    for snapshot in engine.train(CONFIG):
        teller.tell(snapshot)
    assert whole_steps(ends[0]) == list(range(10))


@pytest.mark.parametrize("number", [math.nan, -math.nan, math.inf, -0.0, 0.1])
def test_numbers_come_with_all_their_bits(
    ends: tuple[Connection, Connection], number: float
) -> None:
    state = next(engine.train(CONFIG)).state()
    send_reports(ends[1], [engine.Report([number], state, {"weight_hh_l0": number})])
    [report] = reports_of(receive(ends[0]))
    assert report.update_ratios is not None
    for found in (report.numbers[0], report.update_ratios["weight_hh_l0"]):
        assert struct.pack("<d", found) == struct.pack("<d", number)


def test_a_warm_up_leaves_nothing_of_its_training() -> None:
    def tapes() -> int:
        return sum(type(each).__name__ == "LayerTape" for each in gc.get_objects())

    state = next(engine.train(CONFIG)).state()
    gc.collect()
    gc.disable()  # as good as never it comes by itself in a process that trains
    try:
        before = tapes()
        trainer._warm_up(CONFIG, None, state)
        assert tapes() == before
    finally:
        gc.enable()
