"""What only processes of their own can show: start-up, peak memory, two runs at once.

Each program is run as `python -c` from scratch. What is counted is CPU time and peak memory as the
system tells them of an ended process, so that others on the machine disturb little. Python may
keep the bytecode of what it imports, as it does wherever nobody forbids it, and the first turn,
which makes it, is not counted.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.tables import Row, Table, has_jax

OURS = """
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
"""Trains, and records a whole frame of the first step."""

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


class Ended(NamedTuple):
    """What an ended process used.

    Attributes:
        cpu: Seconds.
        peak: Bytes of its largest resident set.
    """

    cpu: float
    peak: int


def run(program: str) -> Ended:
    """Run a program to its end, and return what it used."""
    return together([program])[0]


def together(programs: Sequence[str]) -> list[Ended]:
    """Run programs at the same time, and return what each used."""
    environment = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = [
        subprocess.Popen([sys.executable, "-c", program], env=environment) for program in programs
    ]
    ended = []
    for process in started:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"a program failed with {process.returncode}")
        # macOS counts bytes, Linux kilobytes.
        unit = 1 if sys.platform == "darwin" else 1024
        ended.append(Ended(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit))
    return ended


def _alternated(programs: Sequence[str], rounds: int) -> list[list[Ended]]:
    """Return what each program used in every round."""
    turns = [[run(program) for program in programs] for _ in range(rounds + 1)]
    return [list(each) for each in zip(*turns[1:], strict=True)]


ADDING = {"length": 100, "batch": 32, "hidden": 64}
WIDE = {"length": 100, "batch": 128, "hidden": 256}


def start_up(rounds: int) -> list[Row]:
    """Return a row for each rival: a fresh process up to its first recorded step."""
    rivals = {"PyTorch": TORCH, **({"JAX": JAX} if has_jax() else {})}
    sizes = {**ADDING, "cell": "elman", "steps": 1}
    programs = [OURS, *rivals.values()]
    mine, *theirs = _alternated([p.format(**sizes) for p in programs], rounds)
    goals = {"PyTorch": 15.0, "JAX": 10.0}
    return [
        {
            "rival": name,
            "seconds": statistics.median(e.cpu for e in mine),
            "theirs": statistics.median(e.cpu for e in ended),
            "ratio": statistics.median(t.cpu / m.cpu for m, t in zip(mine, ended, strict=True)),
            "goal": goals[name],
        }
        for name, ended in zip(rivals, theirs, strict=True)
    ]


def memory(rounds: int) -> list[Row]:
    """Return a row for each size: the peak of a short training beside PyTorch's."""
    rows: list[Row] = []
    for name, size, cell, goal in (
        ("adding", ADDING, "elman", 0.15),
        ("wide", WIDE, "lstm", 0.30),
    ):
        sizes = {**size, "cell": cell, "steps": 10}
        mine, theirs = _alternated([OURS.format(**sizes), TORCH.format(**sizes)], rounds)
        peaks = [statistics.median(e.peak for e in ended) for ended in (mine, theirs)]
        rows.append(
            {
                "size": f"{name}, {cell}",
                "megabytes": peaks[0] / 1e6,
                "theirs": peaks[1] / 1e6,
                "share": peaks[0] / peaks[1],
                "goal": goal,
            }
        )
    return rows


def two_at_once(rounds: int) -> list[Row]:
    """Return a row for each cell: how much two runs on two cores get done beside one on one.

    Twice the CPU time of a run alone over that of a run beside another: what is missing to 2 is
    what they take from each other in caches and memory.
    """
    rows: list[Row] = []
    for cell in ("elman", "lstm"):
        program = OURS.format(**ADDING, cell=cell, steps=1000)
        ratios = []
        for _ in range(rounds):
            alone, pair = run(program).cpu, together([program, program])
            ratios.append(2 * alone / statistics.mean(e.cpu for e in pair))
        rows.append({"cell": cell, "ratio": statistics.median(ratios), "goal": 1.95})
    return rows


START_UP = Table(
    name="start_up",
    measure=start_up,
    columns={
        "beside": "{rival}",
        "ours s": "{seconds:.2f}",
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
