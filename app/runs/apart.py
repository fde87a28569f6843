"""The snapshots of a run, trained in this process or, where that pays, in one beside it.

Frames of a small network cost a tenth of its training and more: matrices are decomposed, arrays
written, a database told. With a second processor the training need not wait for it. A run that has
long to go is handed to a `trainer`, and this process does all the rest, from what it is told: the
looks, the arrays, the lease, the checkpoints. What comes of it are the same bits.
"""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from multiprocessing import Pipe
from typing import Any, Final

import structlog

from app.blas import pinned_for_children
from app.runs.inputs import Inputs
from app.runs.processors import Idleness
from app.trainer.failures import TrainerLost, TrainingFailed
from app.trainer.messages import receive, reports_of, send
from app.trainer.states import pack_state
from engine import Replica, Report, RunConfig, Snapshot, State

WATCHED_SECONDS: Final = 0.25
"""Of training here, before it is known how long the rest will take and who else is at work."""

IDLE: Final = 0.6
"""Of a processor that must have been idle meanwhile: where all are at work a trainer gains nothing
and costs its memory, which is that of another interpreter."""

WORTH_SECONDS: Final = 4.0
"""Of training to come from which a trainer is worth its start: some half a second of a
processor."""

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
                self._replica.hand_over()
                for report in self._trainer.reports(state):
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
            if self._trainer is not None and self._trainer.is_ready():
                return snapshot.state()
            if self._may_hire and watch.says_that_it_pays(snapshot):
                self._may_hire = False
                self._trainer = _Trainer(self._config, self._inputs, snapshot.state())
            yield snapshot
        return None


def _can_be_told(config: RunConfig) -> bool:
    """Say whether all that is recorded of a run can be made of its weights and numbers.

    A training on several threads has its processors already.
    """
    return config.recording.batch == "probe" and config.training.threads == 1


class _Watch:
    """How long a training will take, and whether a processor is idle meanwhile."""

    def __init__(self) -> None:
        self._began = self._looked = time.monotonic()
        self._first: int | None = None
        self._idleness = Idleness()

    def says_that_it_pays(self, snapshot: Snapshot) -> bool:
        """Say whether to hire a trainer now; it is looked into every now and then."""
        if self._first is None:
            self._first = snapshot.step
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
        """Start it; the state is for its first steps, which are for nobody."""
        theirs, self._orders = Pipe(duplex=False)
        self._reports, telling = Pipe(duplex=False)
        handles = theirs.fileno(), telling.fileno()
        with theirs, telling, pinned_for_children():
            # -P: what lies in the folder that somebody works in is no part of this program.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "app.trainer", *map(str, handles)],
                stdin=subprocess.DEVNULL,
                pass_fds=handles,
            )
        data = inputs.data or {}
        tensors, text = pack_state(state)
        keys = {name: f"data {name}" for name in data}
        head = {"config": config.to_dict(), "data": keys, "state": text}
        tensors |= {keys[name]: values for name, values in data.items()}
        # By another thread: until it has loaded what it needs it takes no more than a pipe holds.
        self._sending = threading.Thread(target=self._send, args=(head, tensors), daemon=True)
        self._sending.start()
        self._is_ready: bool | None = None

    def is_ready(self) -> bool:
        """Say whether it can take the training; never again where it could not begin."""
        if self._is_ready is None and self._reports.poll():
            try:
                head, _ = receive(self._reports)
                self._is_ready = "ready" in head
            except (EOFError, OSError):
                self._is_ready = False
            if not self._is_ready:
                log.warning("no trainer: the run is trained where it is recorded")
        return bool(self._is_ready)

    def reports(self, state: State) -> Iterator[Report]:
        """Let it train from a state on; yield what it tells until the last snapshot."""
        tensors, text = pack_state(state)
        self._send({"state": text}, tensors)
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

    def _send(self, head: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):
            send(self._orders, head, tensors)

    def _ending(self) -> str:
        """Wait for the process, which says nothing any more, to be gone; return how it went."""
        code = self._process.wait()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
