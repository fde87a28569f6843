"""Matrix products have one thread while the engine computes, a user's own all of theirs."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import engine
from engine import blas
from engine.blas import OneThread, libraries
from engine.bptt.readout import Readout
from engine.bptt.sweep import Sweep
from engine.tracing import chain_maker, result
from tests.engine.watching.takes import config_for, take

CONFIG = {
    "task": {"kind": "adding", "length": 12},
    "model": {"cell": "lstm", "hidden_size": 4},
    "training": {"steps": 3, "batch_size": 2},
}
TWO_SEEDS = [engine.RunConfig.from_dict({**CONFIG, "seed": seed}) for seed in (1, 2)]


def threads() -> set[int]:
    """Return how many threads the libraries would use now; others may be loaded meanwhile."""
    return {library.num_threads for library in libraries()}


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Let products have two threads, as they have by default where there are two cores."""
    with threadpool_limits(limits=2, user_api="blas"):
        assert threads() == {2}
        yield


@pytest.mark.usefixtures("two_threads")
def test_a_block_has_one_thread_and_puts_them_back() -> None:
    with OneThread(), OneThread():
        assert threads() == {1}
    assert threads() == {2}


@pytest.mark.usefixtures("two_threads")
def test_an_error_puts_them_back_too() -> None:
    with pytest.raises(ZeroDivisionError), OneThread():
        raise ZeroDivisionError
    assert threads() == {2}


@pytest.mark.usefixtures("two_threads")
def test_two_that_compute_at_once_leave_nothing_set() -> None:
    def come_and_go() -> None:
        for _ in range(200):
            with OneThread():
                pass

    others = [threading.Thread(target=come_and_go) for _ in range(3)]
    for other in others:
        other.start()
    come_and_go()
    for other in others:
        other.join(60)
    assert threads() == {2}


@pytest.mark.usefixtures("two_threads")
def test_any_thread_of_the_interpreter_has_its_products_on_one() -> None:
    """The setting is the process's: who set it first does not keep others from setting it."""
    seen: list[set[int]] = []

    def compute() -> None:
        with OneThread():
            seen.append(threads())

    compute()
    other = threading.Thread(target=compute)
    other.start()
    other.join(60)
    assert seen == [{1}, {1}]
    assert threads() == {2}


@pytest.fixture
def elsewhere(two_threads: None) -> Iterator[Callable[[], None]]:
    """Another thread of the interpreter that is within a block until it is called."""
    entered, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with OneThread():
            entered.set()
            leave.wait(60)

    def done() -> None:
        leave.set()
        other.join(60)

    other = threading.Thread(target=stay)
    other.start()
    assert entered.wait(60)
    yield done
    done()


def test_who_computes_longer_keeps_one_thread(elsewhere: Callable[[], None]) -> None:
    with OneThread():
        elsewhere()
        assert threads() == {1}
    assert threads() == {2}


def test_who_first_asks_while_another_computes_asks_again(elsewhere: Callable[[], None]) -> None:
    block = OneThread()
    with block:
        assert threads() == {1}
    elsewhere()
    assert threads() == {2}
    with block:
        assert threads() == {1}
    assert threads() == {2}


class OfEachThread:
    """A library with a setting for each thread of the interpreter, as MKL has."""

    internal_api = "mkl"

    def __init__(self) -> None:
        self._local = threading.local()

    @property
    def num_threads(self) -> int:
        return getattr(self._local, "count", 4)

    def set_num_threads(self, num_threads: int, /) -> None:
        self._local.count = num_threads


def test_a_setting_of_each_thread_is_put_back_by_the_thread_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = OfEachThread()
    monkeypatch.setattr(blas, "libraries", lambda: (library,))
    met, seen = threading.Barrier(2, timeout=60), []

    def compute() -> None:
        with OneThread():
            met.wait()
            seen.append(library.num_threads)
            met.wait()
        seen.append(library.num_threads)

    other = threading.Thread(target=compute)
    other.start()
    compute()
    other.join(60)
    assert sorted(seen) == [1, 1, 4, 4]


def steps() -> None:
    """Train, with frames and what a snapshot computes; between two steps the threads are back."""
    recorder = engine.Recorder(TWO_SEEDS[0])
    for snapshot in engine.train(TWO_SEEDS[0]):
        assert threads() == {2}
        recorder.look(snapshot)
        snapshot.validate()
        assert threads() == {2}


def many() -> None:
    for member in engine.train_many(TWO_SEEDS):
        assert threads() == {2}
        member.snapshot.validate()


def traced() -> engine.Trace:
    network = next(engine.train(TWO_SEEDS[0])).parameters()
    inputs, targets = np.zeros((3, 2, 2)), np.zeros((3, 2, 1))
    return engine.trace("lstm", network, inputs, targets=targets, loss="mean_squared_error")


DOORS: Mapping[str, Callable[[], object]] = {
    "train": steps,
    "train_many": many,
    "trace": traced,
    "trace.statistic": lambda: traced().statistic("loss_state_gradient"),
    "trace.loss_state_gradients": lambda: traced().loss_state_gradients(),
    "trace.path_terms": lambda: traced().path_terms("weight_hh_l0"),
    "trace.chain": lambda: traced().chain(3, 1, "weight_hh_l0"),
    "trace.outputs": lambda: traced().outputs,
    "trace.immediate_gradient": lambda: traced().immediate_gradient,
    "frame_of": lambda: engine.frame_of(config_for(), take(np.random.default_rng(1))),
}


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("door", DOORS.values(), ids=list(DOORS))
def test_all_that_the_engine_computes_is_computed_on_one_thread(
    door: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, set[int]]] = []

    def watch(owner: type | ModuleType, name: str) -> None:
        own = getattr(owner, name)

        def watched(*arguments: object, **options: object) -> object:
            seen.append((name, threads()))
            return own(*arguments, **options)

        monkeypatch.setattr(owner, name, watched)

    watch(Sweep, "unroll")
    watch(Sweep, "back_from")
    watch(Sweep, "stack")
    watch(Readout, "outputs")
    watch(result, "immediates")
    watch(chain_maker.ChainMaker, "make")
    door()
    assert len({name for name, _ in seen}) > 1
    assert not [name for name, found in seen if found != {1}]
    assert threads() == {2}


PROGRAM = """
import hashlib, engine
config = {"task": {"kind": "adding", "length": 20}, "model": {"cell": "elman", "hidden_size": 256},
          "training": {"steps": 3, "batch_size": 128}}
*_, last = engine.train(engine.RunConfig.from_dict(config))
print(hashlib.sha256(last.network.flat.tobytes()).hexdigest())
"""


def test_a_run_has_the_same_bits_however_many_threads_products_may_have() -> None:
    """Its products are large enough that two threads would add them up in another order."""

    def bits(count: int) -> str:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(count)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True, text=True, check=True, env=environment, timeout=300,
        )  # fmt: skip
        return done.stdout.strip()

    assert bits(1) == bits(2)


def test_the_libraries_are_found() -> None:
    assert libraries(), "NumPy's BLAS is one that threadpoolctl knows"
    product = np.ones((2, 2)) @ np.ones((2, 2))
    assert product[0, 0] == 2
