"""Matrix products have one thread while the engine computes, a user's own all of theirs."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import engine
from engine.blas import OneThread, libraries
from engine.learning.training import Training

CONFIG = {
    "task": {"kind": "adding", "length": 12},
    "model": {"cell": "lstm", "hidden_size": 4},
    "training": {"steps": 3, "batch_size": 2},
}
TWO_SEEDS = [engine.RunConfig.from_dict({**CONFIG, "seed": seed}) for seed in (1, 2)]


def threads() -> set[int]:
    """Return how many threads the libraries would use now; others may be loaded meanwhile."""
    return {library["num_threads"] for library in libraries().info()}


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
def test_steps_frames_and_traces_are_made_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []
    draw = Training.draw

    def watched(self: Training) -> object:
        seen.append(threads())
        return draw(self)

    monkeypatch.setattr(Training, "draw", watched)
    recorder = engine.Recorder(TWO_SEEDS[0])
    compute = recorder._functions["hidden_gradient_norm"]

    def looked_at(observed: object) -> object:
        seen.append(threads())
        return compute(observed)  # type: ignore[arg-type]

    recorder._functions["hidden_gradient_norm"] = looked_at  # type: ignore[assignment]
    for snapshot in engine.train(TWO_SEEDS[0]):
        recorder.look(snapshot)
        assert threads() == {2}, "between two steps the user's products have theirs"
    for _ in engine.train_many(TWO_SEEDS):
        assert threads() == {2}
    assert len(seen) > len(TWO_SEEDS)
    assert all(each == {1} for each in seen)


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
    assert libraries().lib_controllers, "NumPy's BLAS is one that threadpoolctl knows"
    product = np.ones((2, 2)) @ np.ones((2, 2))
    assert product[0, 0] == 2
