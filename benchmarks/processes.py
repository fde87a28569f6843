"""What only processes of their own can show: start-up, peak memory, two runs at once.

Each program is run as `python -c` from scratch. What is counted is CPU time and peak memory as the
system tells them of an ended process, so that others on the machine disturb little: memory is the
whole process, interpreter and libraries included, on both sides. Python may keep the bytecode of
what it imports, as it does wherever nobody forbids it, and the first turn, which makes it, is not
counted. Ours runs with NumPy alone ("plain"), and with compiled loops where numba is installed.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.tables import Row, Table, has_jax
from engine.compiled import SWITCH, why_plain

PLAIN, COMPILED = "plain", "compiled"

OURS = """
import sys
sys.modules["scipy"] = None
import engine
config = engine.RunConfig.from_dict({{
    "task": {{"kind": "adding", "length": {length}}},
    "model": {{"cell": "{cell}", "hidden_size": {hidden}}},
    "training": {{"steps": {steps}, "batch_size": {batch}}},
    "recording": {{"every": 10_000, "batch": "training", "statistics": ["hidden_gradient_norm"]}},
}})
recorder = engine.Recorder(config)
frames = [recorder.look(snapshot) for snapshot in engine.train(config)]
assert frames[0] is not None
"""
"""Trains, and records a whole frame of the first step.

The extra `fast` does not bring SciPy; where another package has, numba would load it, a fifth of a
second, for products that no loop of ours asks it for.
"""

TORCH = """
import torch
torch.set_num_threads(1)
kind = {{"elman": "RNN", "lstm": "LSTM"}}["{cell}"]
layer = getattr(torch.nn, kind)(2, {hidden})
readout = torch.nn.Linear({hidden}, 1)
optimizer = torch.optim.SGD([*layer.parameters(), *readout.parameters()], lr=0.01)
for _ in range({steps} + 1):
    inputs, targets = torch.randn({length}, {batch}, 2), torch.randn({batch}, 1)
    optimizer.zero_grad()
    output, _ = layer(inputs)
    torch.nn.functional.mse_loss(readout(output[-1]), targets).backward()
    optimizer.step()
"""
"""Trains the fused layer; nothing is recorded."""

JAX = """
import jax
from jax import numpy as jnp
key = jax.random.key(0)
w = [0.1 * jax.random.normal(key, shape) for shape in (({hidden}, 2), ({hidden}, {hidden}))]
xs, zeros = jax.random.normal(key, ({length}, {batch}, 2)), jnp.zeros(({length}, {batch}, {hidden}))

def loss(w, added):
    def one(h, at):
        h = jnp.tanh(at[0] @ w[0].T + h @ w[1].T) + at[1]
        return h, None
    return jnp.mean(jax.lax.scan(one, zeros[0], (xs, added))[0] ** 2)

_, by_state = jax.jit(jax.grad(loss, argnums=(0, 1)))(w, zeros)
jax.block_until_ready(jnp.linalg.norm(by_state, axis=2))
"""
"""Compiles one scan of Elman's cell, and takes the norms of one step."""


LAUNCHER = """
import resource, subprocess, sys
ended = subprocess.run([sys.executable, "-c", sys.argv[1]])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(ended.returncode)
"""
"""Runs a program, and says what it used.

Linux counts as a process's peak what its parent held when it was started: this one holds little,
where the benchmark itself holds PyTorch.
"""


class Ended(NamedTuple):
    """What an ended process used.

    Attributes:
        cpu: Seconds.
        peak: Bytes of its largest resident set.
    """

    cpu: float
    peak: int


class Program(NamedTuple):
    """What is run, and by which of our backends."""

    source: str
    backend: str = COMPILED

    def start(self) -> subprocess.Popen[str]:
        """Start it in a process of its own."""
        environment = dict(os.environ) | {SWITCH: "0" if self.backend == PLAIN else "1"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", LAUNCHER, self.source]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def backends() -> list[str]:
    """Return the names of ours that can run here."""
    return [PLAIN] if why_plain() else [PLAIN, COMPILED]


def backends_in_turn() -> Iterator[str]:
    """Yield the name of each of them, while this process binds its sweeps so."""
    before = os.environ.get(SWITCH)
    try:
        for backend in backends():
            os.environ[SWITCH] = "0" if backend == PLAIN else "1"
            yield backend
    finally:
        os.environ.pop(SWITCH)
        os.environ.update({SWITCH: before} if before is not None else {})


def run(program: Program) -> Ended:
    """Run a program to its end, and return what it used."""
    return together([program])[0]


def together(programs: Sequence[Program]) -> list[Ended]:
    """Run programs at the same time, and return what each used."""
    started = [program.start() for program in programs]
    ended = []
    for process in started:
        said, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"a program failed with {process.returncode}")
        cpu, peak = said.split()
        # macOS counts bytes, Linux kilobytes.
        ended.append(Ended(float(cpu), int(peak) * (1 if sys.platform == "darwin" else 1024)))
    return ended


def _alternated(programs: Sequence[Program], rounds: int) -> list[list[Ended]]:
    """Return what each program used in every round."""
    turns = [[run(program) for program in programs] for _ in range(rounds + 1)]
    return [list(each) for each in zip(*turns[1:], strict=True)]


MOST_SECONDS = 0.25
"""What ours should take at most, up to its first recorded step."""

ADDING = {"length": 100, "batch": 32, "hidden": 64}
WIDE = {"length": 100, "batch": 128, "hidden": 256}


def start_up(rounds: int) -> list[Row]:
    """Return a row for each backend and rival: a fresh process up to its first recorded step."""
    rivals = {"PyTorch": TORCH, **({"JAX": JAX} if has_jax() else {})}
    goals = {"PyTorch": 15.0, "JAX": 10.0}
    sizes, names = {**ADDING, "cell": "elman", "steps": 1}, backends()
    programs = [
        *(Program(OURS.format(**sizes), name) for name in names),
        *(Program(source.format(**sizes)) for source in rivals.values()),
    ]
    found = _alternated(programs, rounds)
    return [
        {
            "backend": backend,
            "rival": rival,
            "seconds": statistics.median(e.cpu for e in mine),
            "most": MOST_SECONDS,
            "theirs": statistics.median(e.cpu for e in theirs),
            "ratio": statistics.median(t.cpu / m.cpu for m, t in zip(mine, theirs, strict=True)),
            "goal": goals[rival],
        }
        for backend, mine in zip(names, found, strict=False)
        for rival, theirs in zip(rivals, found[len(names) :], strict=True)
    ]


def memory(rounds: int) -> list[Row]:
    """Return a row for each size and backend: the peak of a short training beside PyTorch's."""
    rows: list[Row] = []
    for name, size, cell, goal in (
        ("adding", ADDING, "elman", 0.15),
        ("wide", WIDE, "lstm", 0.30),
    ):
        sizes, names = {**size, "cell": cell, "steps": 10}, backends()
        ours = [Program(OURS.format(**sizes), backend) for backend in names]
        *mine, theirs = _alternated([*ours, Program(TORCH.format(**sizes))], rounds)
        peak = statistics.median(e.peak for e in theirs)
        for backend, ended in zip(names, mine, strict=True):
            bytes_ = statistics.median(e.peak for e in ended)
            rows.append(
                {
                    "size": f"{name}, {cell}",
                    "backend": backend,
                    "megabytes": bytes_ / 1e6,
                    "theirs": peak / 1e6,
                    "share": bytes_ / peak,
                    "goal": goal,
                }
            )
    return rows


def two_at_once(rounds: int) -> list[Row]:
    """Return a row for each cell: how much two runs on two cores get done beside one on one.

    Twice the CPU time of a run alone over that of a run beside another: what is missing to 2 is
    what they take from each other in caches and memory. One runs alone before the two and one
    after them, since a machine's clock drifts.
    """
    rows: list[Row] = []
    for cell in ("elman", "lstm"):
        program = Program(OURS.format(**ADDING, cell=cell, steps=1000))
        ratios = []
        for _ in range(rounds):
            before, pair, after = run(program), together([program, program]), run(program)
            ratios.append((before.cpu + after.cpu) / statistics.mean(e.cpu for e in pair))
        rows.append({"cell": cell, "ratio": statistics.median(ratios), "goal": 1.95})
    return rows


START_UP = Table(
    name="start_up",
    measure=start_up,
    columns={
        "ours": "{backend}",
        "beside": "{rival}",
        "ours s": "{seconds:.2f}",
        "at most": "{most}",
        "theirs s": "{theirs:.2f}",
        "ratio": "{ratio:.1f}",
        "goal": "{goal}",
    },
)
MEMORY = Table(
    name="memory",
    measure=memory,
    columns={
        "size": "{size}",
        "ours": "{backend}",
        "ours MB": "{megabytes:.0f}",
        "PyTorch MB": "{theirs:.0f}",
        "share": "{share:.0%}",
        "at most": "{goal:.0%}",
    },
    rounds=3,
)
TWO_AT_ONCE = Table(
    name="two_at_once",
    measure=two_at_once,
    columns={"cell": "{cell}", "two at once": "{ratio:.2f}", "goal": "{goal}"},
    rounds=3,
)
