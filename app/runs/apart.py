"""The snapshots of a run, trained in this process or, where that pays, in one beside it.

Frames of a small network cost a tenth of its training and more: matrices are decomposed, arrays
written, a database told. With a second processor the training need not wait for it. A run that has
long to go is handed to a `trainer`, and this process does all the rest, from what it is told: the
looks, the arrays, the lease, the checkpoints. What comes of it are the same bits.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Final

import structlog

from app.blas import PINNED
from app.runs.inputs import Inputs
from app.runs.processors import Idleness
from app.trainer.failures import TrainerLost, TrainingFailed, ending_of, message_of
from app.trainer.messages import receive, reports_of, send
from app.trainer.states import pack_state
from engine import Replica, Report, RunConfig, Snapshot, State, backend

WATCHED_SECONDS: Final = 0.25
"""Of training here, before it is known how long the rest will take and who else is at work."""

IDLE: Final = 0.6
"""Of a processor that must have been idle meanwhile: where all are at work a trainer gains nothing
and costs its memory, which is that of another interpreter."""

WORTH_SECONDS: Final = 4.0
"""Of training to come from which a trainer is worth its start: some half a second of a
processor."""

LOADING_SNAPSHOTS: Final = 3
"""Until then steps and the first frame load what they need, which says nothing of the rest."""

ALONE: Final = "no trainer: the run is trained where it is recorded"

log = structlog.get_logger()


class SnapshotSource:
    """Where the snapshots of one run come from: this process, or one that was hired for it."""

    def __init__(
        self, config: RunConfig, inputs: Inputs, resume: Mapping[str, Any] | None = None
    ) -> None:
        """Set the training up; the arguments are those of `engine.train`."""
        self._config, self._inputs = config, inputs
        self._replica = Replica(config, data=inputs.data, initial=inputs.initial, resume=resume)
        self._trainer: _Trainer | None = None
        self._is_asked = False
        self._may_hire = _can_be_told(config)

    def snapshots(self) -> Generator[Snapshot, None, None]:
        """Yield what `engine.train` does.

        Of those that a trainer tells of all are whole that anybody looks at or goes on from, and
        some after `ask`.

        Raises:
            TrainerLost: It was killed.
            TrainingFailed: Something went wrong in it.
        """
        try:
            state = yield from self._trained_here()
            if state is not None and self._trainer is not None:
                self._trainer.begin(state)
                self._replica.hand_over()
                for report in self._trainer.reports():
                    self._is_asked = self._is_asked and report.state is None
                    yield self._replica.told(report)
        finally:
            if self._trainer is not None:
                self._trainer.end()

    def ask(self) -> None:
        """Let one of the next snapshots be whole."""
        if self._trainer is not None and not self._is_asked:
            self._is_asked = True
            self._trainer.ask()

    def _trained_here(self) -> Generator[Snapshot, None, State | None]:
        """Train in this process; return the state to go on from elsewhere, None at the end."""
        watch = _Watch()
        for snapshot in self._replica.snapshots():
            if self._has_trainer():
                return snapshot.state()
            if self._may_hire and watch.says_that_it_pays(snapshot):
                self._may_hire = False
                self._hire(snapshot)
            yield snapshot
        return None

    def _hire(self, snapshot: Snapshot) -> None:
        """Start a trainer, where the system grants another process."""
        try:
            self._trainer = _Trainer(self._config, self._inputs, snapshot.state())
        except (OSError, MemoryError, RuntimeError) as err:  # the last one for want of a thread
            log.warning(ALONE, reason=message_of(err))

    def _has_trainer(self) -> bool:
        """Say whether a trainer can take the training; let one go that could not begin."""
        try:
            return self._trainer is not None and self._trainer.is_ready()
        except TrainerLost as err:
            log.warning(ALONE, reason=message_of(err))
            if self._trainer is not None:
                self._trainer.end()
            self._trainer = None
            return False


def _can_be_told(config: RunConfig) -> bool:
    """Say whether all that is recorded of a run can be made of its weights and numbers.

    A training on several threads has its processors already.
    """
    return config.recording.batch == "probe" and config.training.threads == 1


class _Watch:
    """How long a training will take, and whether a processor is idle meanwhile."""

    def __init__(self) -> None:
        self._loading = LOADING_SNAPSHOTS
        self._begin(0)

    def _begin(self, step: int) -> None:
        self._began = self._looked = time.monotonic()
        self._first, self._idleness = step, Idleness()

    def says_that_it_pays(self, snapshot: Snapshot) -> bool:
        """Say whether to hire a trainer now; it is looked into every now and then."""
        if self._loading:
            self._loading -= 1
            self._begin(snapshot.step)
            return False
        now = time.monotonic()
        if now - self._looked < WATCHED_SECONDS:
            return False
        self._looked = now
        done, rest = snapshot.step - self._first, snapshot.steps - snapshot.step
        is_long = rest * (now - self._began) > WORTH_SECONDS * done
        return self._idleness.idle() >= IDLE and is_long


class _Trainer:
    """A hired process, which trains once it is ready and was told to."""

    def __init__(self, config: RunConfig, inputs: Inputs, state: State) -> None:
        """Start it; the state is for its first steps, which are for nobody.

        Raises:
            OSError: The system has no process or no pipe to give.
            MemoryError: Nor memory.
            RuntimeError: Nor a thread.
        """
        data = inputs.data or {}
        tensors, text = pack_state(state)
        keys = {name: f"data {name}" for name in data}
        head = {"config": config.to_dict(), "data": keys, "state": text, "backend": backend()}
        tensors |= {keys[name]: values for name, values in data.items()}
        theirs, self._orders = Pipe(duplex=False)
        self._reports, telling = Pipe(duplex=False)
        self._is_ready = False
        # By another thread: until it has loaded what it needs it takes no more than a pipe holds.
        order = self._orders, head, tensors
        self._sending = threading.Thread(target=_give, args=order, daemon=True)
        with theirs, telling:
            self._sending.start()
            self._process = _start(theirs.fileno(), telling.fileno())

    def is_ready(self) -> bool:
        """Say whether it can take the training.

        Raises:
            TrainerLost: It could not begin.
        """
        if not self._is_ready and self._reports.poll():
            try:
                head, _ = receive(self._reports)
            except (EOFError, OSError) as err:
                raise TrainerLost(f"its trainer {self._ending()}") from err
            if "error" in head:
                raise TrainerLost(head["error"])
            self._is_ready = True
        return self._is_ready

    def begin(self, state: State) -> None:
        """Let it train from a state on."""
        tensors, text = pack_state(state)
        with contextlib.suppress(OSError):  # it is gone: its first report will be missed
            send(self._orders, {"state": text}, tensors)

    def reports(self) -> Iterator[Report]:
        """Yield what it tells until the last snapshot.

        Raises:
            TrainerLost: It was killed.
            TrainingFailed: Something went wrong in it.
        """
        is_last = False
        while not is_last:
            try:
                message = receive(self._reports)
            except (EOFError, OSError) as err:
                raise TrainerLost(f"its trainer {self._ending()}") from err
            if "error" in message[0]:
                raise TrainingFailed(message[0]["error"], message[0]["report"])
            for report in reports_of(message):
                yield report
                is_last = report.is_last

    def ask(self) -> None:
        """Ask for a state."""
        with contextlib.suppress(OSError):  # it is gone: the next report will be missed
            self._orders.send_bytes(b"")

    def end(self) -> None:
        """Let it go: it has nothing to save."""
        self._process.kill()
        self._process.wait()
        self._sending.join()
        self._orders.close()
        self._reports.close()

    def _ending(self) -> str:
        """Wait for the process, which says nothing any more, to be gone; return how it went."""
        return ending_of(self._process.wait())


def _give(orders: Connection, head: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
    """Give the first order; where that cannot be done whole, let it be seen that none comes."""
    try:
        send(orders, head, tensors)
    except (OSError, MemoryError):
        orders.close()


def _start(orders: int, reports: int) -> subprocess.Popen[bytes]:
    """Start a trainer with its ends of two pipes."""
    # It is this process that is to be interrupted or asked to end: what is blocked here while
    # another starts is blocked there for good.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        return subprocess.Popen(
            # -P: what lies in the folder that somebody works in is no part of this program.
            [sys.executable, "-P", "-m", "app.trainer", str(orders), str(reports)],
            stdin=subprocess.DEVNULL,
            env=os.environ | PINNED,
            pass_fds=(orders, reports),
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
