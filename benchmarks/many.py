"""Many small trainings at once, beside others that train one after the other, or all in one call.

`python -m benchmarks.many [--rounds N] [--json FILE]`. Ours is an ensemble: every member with its
own weights, the loss at every time step, and the norm of the total gradient at every time step and
sample. F is PyTorch's fused layer, member after member, without any of that; J is JAX's `vmap` over
the members, with the norms. Times are CPU seconds of one member's step.
"""

import os

# Before NumPy and PyTorch are imported: both read these once.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse  # noqa: E402
import importlib.util  # noqa: E402
from dataclasses import dataclass, replace  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402

from benchmarks import paired, peers  # noqa: E402
from benchmarks.many_table import many_table, write_many  # noqa: E402
from benchmarks.sizes import LEARNING_RATE, SIZES, Data, Size  # noqa: E402
from engine.bptt.ensemble import EnsembleNetwork, EnsembleSweep  # noqa: E402
from engine.bptt.network import Network  # noqa: E402
from engine.learning.grouping import LARGEST  # noqa: E402
from engine.tasks.base import Batch  # noqa: E402

NOISE = np.float32(0.01)
RESULTS = Path(__file__).parent / "results" / "many.json"


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Members of one size.

    Attributes:
        goals: Least ratio to each rival, by its letter.
    """

    size: Size
    cell: str
    members: int
    goals: dict[str, float]


TINY, ADDING = SIZES[:2]
CROWDS = (
    Crowd(size=TINY, cell="tanh", members=64, goals={"F": 130, "J": 1.2}),
    Crowd(size=TINY, cell="lstm", members=64, goals={"J": 1.2}),
    Crowd(size=TINY, cell="gru", members=64, goals={}),
    Crowd(size=replace(TINY, name="tiny, B = 8", batch=8), cell="tanh", members=16, goals={}),
    Crowd(size=ADDING, cell="tanh", members=8, goals={"J": 4}),
)
"""The last is trained one after the other, each to its end: there an ensemble gains nothing."""


def together(size: Size, cell: str, data: Data, members: int) -> peers.Program:
    """Return our step of all members."""
    networks = [_network(size, cell, seed) for seed in range(members)]
    flat = np.zeros((members, networks[0].flat.size), np.float32)
    gradient = np.zeros_like(flat)
    for network, row, share in zip(networks, flat, gradient, strict=True):
        network.move(row, share)
    ensemble = EnsembleNetwork(networks, flat, gradient, size.batch)
    sweep = EnsembleSweep(ensemble, length=size.length)
    inputs, targets = (np.concatenate([array] * members, axis=1) for array in data)
    batch = Batch(inputs, targets, np.ones(targets.shape[:2], bool))
    change = np.zeros_like(flat)

    def step() -> object:
        losses = sweep.forward_members(batch, "mean_squared_error")
        sweep.backward()
        norms = sweep.log10_hidden_norms
        np.multiply(gradient, LEARNING_RATE, change)
        np.subtract(flat, change, flat)
        ensemble.prepare()
        return losses.value, norms

    return step


def _network(size: Size, cell: str, seed: int) -> Network:
    """Return a network with PyTorch's own first weights, moved by a little noise."""
    layer, readout = peers.model_of(size, cell)
    network = peers.network_of(size, cell)
    values = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    values |= {f"readout.{n}": value.detach().numpy() for n, value in readout.named_parameters()}
    network.load({name: values[name] for name in network.parameter_shapes})
    noise = np.random.default_rng(seed).standard_normal(network.flat.size, np.float32)
    network.flat *= 1 + NOISE * noise
    network.prepare()
    return network


def measure(crowd: Crowd, rounds: int) -> dict[str, object]:
    """Return the figures of one crowd."""
    size, cell, members = crowd.size, crowd.cell, crowd.members
    data = size.data()
    pays = size.hidden * size.batch <= LARGEST
    # Whose trainings follow one another, each to its end, makes one member's step at a time.
    ours = together(size, cell, data, members) if pays else peers.ours(size, cell, data)
    mine = members if pays else 1
    rivals = {"F": (peers.fused(size, cell, data), 1)}
    if importlib.util.find_spec("jax") is not None:
        rivals["J"] = peers.scanned(size, cell, data, members), members
    found = paired.measure_all(ours, [program for program, _ in rivals.values()], rounds)
    return {
        "size": size.name,
        "cell": cell,
        "members": members,
        "side_by_side": pays,
        "ours_seconds": found[0].ours / mine,
        "rivals": {
            letter: {
                "seconds": each.theirs / count,
                "ratio": each.ratio * mine / count,
                "ratios": [ratio * mine / count for ratio in each.ratios],
                "goal": crowd.goals.get(letter),
            }
            for (letter, (_, count)), each in zip(rivals.items(), found, strict=True)
        },
    }


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many", description=__doc__)
    parser.add_argument("--rounds", type=int, default=paired.ROUNDS, help="turns of each crowd")
    parser.add_argument("--only", nargs="*", help="such as tanh/tiny")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures go")
    arguments = parser.parse_args()
    rows = []
    for crowd in CROWDS:
        if arguments.only and f"{crowd.cell}/{crowd.size.name}" not in arguments.only:
            continue
        rows.append(measure(crowd, arguments.rounds))
        print(many_table(rows[-1:]).splitlines()[-1], flush=True)
        write_many(rows, arguments.json)
    print()
    print(many_table(rows))


if __name__ == "__main__":
    main()
