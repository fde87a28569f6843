"""What the literature says of these networks, measured: `python -m benchmarks.published`.

Five seeds of each, all printed. The figure of a seed is one number; what it should be by the
literature stands beside it. `--only NAME …` takes a part; the figures go to results/published.json.
"""

import argparse
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before NumPy is imported: sums depend on the number of threads.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import engine  # noqa: E402  # reads the variables above

Json = Mapping[str, Any]

RESULTS = Path(__file__).parent / "results" / "published.json"
SEEDS = range(5)
CHANCE = math.log(4)
COPY_LENGTH = 60
COPY_BASELINE = 10 * math.log(8) / COPY_LENGTH
CLOSE = 0.05
"""Share by which a figure may stray from a number: losses are of 128 held-out sequences."""

HELD_OUT = 0.4
"""Share that makes these 128: four times the default, whose mean would stray too far."""

STUCK, SOLVED = 0.8, 0.1
"""Shares of the memoryless baseline: nothing learned, and solved."""

SMALL_WEIGHTS = {"kind": "normal", "deviation": 0.001}
"""Weights so small that a forget gate is its bias alone."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One claim and how it is measured.

    Attributes:
        claim: What is said, with its source.
        setting: Network and training, in a few words.
        measured: What the figure is.
        expected: What it should be, in words.
        measure: The figure of one seed.
        holds: Whether a figure is as it should be.
    """

    name: str
    claim: str
    setting: str
    measured: str
    expected: str
    measure: Callable[[int], float]
    holds: Callable[[float], bool]


def trained(config: Json, seed: int) -> engine.Snapshot:
    """Return the last snapshot of a training."""
    *_, last = engine.train(engine.RunConfig.from_dict({**config, "seed": seed}))
    return last


def share_of_baseline(config: Json) -> Callable[[int], float]:
    """Return what measures the held-out loss after training, as a share of the baseline."""

    def measure(seed: int) -> float:
        last = trained(config, seed)
        return last.validate()[0] / last.task.baseline

    return measure


def held_out_loss(config: Json) -> Callable[[int], float]:
    """Return what measures the held-out loss after training."""
    return lambda seed: trained(config, seed).validate()[0]


def last_step(config: Json) -> Callable[[int], float]:
    """Return what measures the step at which the training ended: early only by divergence."""
    return lambda seed: trained(config, seed).step


def adding(model: Json, learning_rate: float) -> Json:
    """Return a training on the adding problem over 100 steps."""
    return {
        "task": {"kind": "adding", "length": 100, "validation": HELD_OUT},
        "model": {"hidden_size": 64, **model},
        "training": {
            "steps": 1500,
            "optimizer": {"kind": "adam", "learning_rate": learning_rate},
            "schedule": {"kind": "cosine"},
        },
    }


def temporal_order(clipping: Json | None) -> Json:
    """Return a training of a ReLU network, started as the identity, on temporal order."""
    return {
        "task": {"kind": "temporal_order", "length": 50, "validation": HELD_OUT},
        "model": {
            "cell": "elman",
            "activation": "relu",
            "hidden_size": 64,
            "initializer": {"kind": "identity"},
            "input_initializer": {"kind": "xavier"},
        },
        "training": {
            "steps": 2000,
            "optimizer": {"kind": "sgd", "learning_rate": 1.0},
            "clipping": clipping,
        },
    }


def tanh_on(task: Json) -> Json:
    """Return a training of a tanh network with PyTorch's first weights."""
    return {
        "task": {**task, "validation": HELD_OUT},
        "model": {"cell": "elman", "activation": "tanh", "hidden_size": 32},
        "training": {"steps": 1000, "optimizer": {"kind": "adam", "learning_rate": 0.003}},
    }


def lasting(bias: float) -> Callable[[int], float]:
    """Return what measures over how many steps an LSTM's gradient falls to a hundredth."""

    def measure(seed: int) -> float:
        config = {
            "seed": seed,
            "task": {"kind": "adding", "length": 200},
            "model": {
                "cell": "lstm",
                "hidden_size": 32,
                "forget_bias": bias,
                "initializer": SMALL_WEIGHTS,
                "input_initializer": SMALL_WEIGHTS,
            },
            "training": {"steps": 0},
            "recording": {"statistics": ["hidden_gradient_norm"]},
        }
        result = engine.record(engine.RunConfig.from_dict(config))
        norms = result.statistic("hidden_gradient_norm").values[0, 0]
        # From the last but one time step on every step back goes through the forget gate.
        decay = float(norms[-2] - norms[0]) / (len(norms) - 2)
        return 2 / decay

    return measure


def forget_formula(bias: float) -> float:
    """Return the d at which σ(b)ᵈ is a hundredth."""
    return math.log(100) / math.log1p(math.exp(-bias))


def near(expected: float) -> Callable[[float], bool]:
    """Return whether a figure lies within CLOSE of what is expected."""
    return lambda found: abs(found / expected - 1) < CLOSE


IRNN = {
    "cell": "elman",
    "activation": "relu",
    "initializer": {"kind": "identity"},
    "input_initializer": {"kind": "xavier"},
}
CHRONO = {"cell": "lstm", "forget_bias": "chrono", "hidden_size": 32}
TANH_FAILS = "A tanh network does not learn to add over 100 steps (Le et al. 2015)"
# Name, claim, network in words, model, learning rate, whether it learns.
ADDING: Sequence[tuple[str, str, str, Json, float, bool]] = (
    ("tanh", TANH_FAILS, "tanh", {"cell": "elman"}, 0.003, False),
    ("lstm", "An LSTM does (Hochreiter & Schmidhuber 1997)", "LSTM, chrono", CHRONO, 0.01, True),
    ("irnn", "So does an IRNN (Le et al. 2015)", "ReLU from the identity", IRNN, 0.001, True),
    (
        "indrnn",
        "So does an IndRNN (Li et al. 2018)",
        "IndRNN, two layers",
        {"cell": "indrnn", "layers": 2, "input_initializer": {"kind": "xavier"}},
        0.005,
        True,
    ),
)


def _experiments() -> Sequence[Experiment]:
    found = [
        Experiment(
            name=f"adding_{name}",
            claim=claim,
            setting=f"{network}, 1500 updates",
            measured="held-out loss ÷ baseline",
            expected=f"under {SOLVED}" if learns else f"over {STUCK}",
            measure=share_of_baseline(adding(model, rate)),
            holds=(lambda share: share < SOLVED) if learns else (lambda share: share > STUCK),
        )
        for name, claim, network, model, rate, learns in ADDING
    ]
    found += [
        Experiment(
            name="unclipped",
            claim="Without clipping a training may diverge (Pascanu et al. 2013)",
            setting="ReLU from the identity, SGD of rate 1, temporal order, T = 50, 2000 updates",
            measured="last step",
            expected="under 2000",
            measure=last_step(temporal_order(None)),
            holds=lambda step: step < temporal_order(None)["training"]["steps"],
        ),
        Experiment(
            name="clipped",
            claim="Clipped by norm the same training learns",
            setting="the same, norm at most 0.02",
            measured="held-out loss ÷ baseline",
            expected=f"under {SOLVED}",
            measure=share_of_baseline(temporal_order({"kind": "norm", "threshold": 0.02})),
            holds=lambda share: share < SOLVED,
        ),
        Experiment(
            name="chance",
            claim="Who does not remember stays at ln 4 on temporal order",
            setting="tanh, T = 100, 1000 updates",
            measured="held-out loss",
            expected=f"{CHANCE:.4f}",
            measure=held_out_loss(tanh_on({"kind": "temporal_order", "length": 100})),
            holds=near(CHANCE),
        ),
        Experiment(
            name="copy",
            claim="and at 10 ln 8/T on copying (Arjovsky et al. 2016)",
            setting=f"tanh, T = {COPY_LENGTH}, 1000 updates",
            measured="held-out loss",
            expected=f"{COPY_BASELINE:.4f}",
            measure=held_out_loss(tanh_on({"kind": "copy", "length": COPY_LENGTH})),
            holds=near(COPY_BASELINE),
        ),
    ]
    found += [
        Experiment(
            name=f"forget_bias_{bias}",
            claim=f"A forget gate of bias {bias} keeps σ({bias}) of a gradient at each step",
            setting="LSTM, small weights, before training",
            measured="steps to a hundredth",
            expected=f"{forget_formula(bias):.1f}",
            measure=lasting(bias),
            holds=near(forget_formula(bias)),
        )
        for bias in range(5)
    ]
    return tuple(found)


EXPERIMENTS = _experiments()


def table(figures: Mapping[str, Sequence[float]]) -> str:
    """Return a Markdown table of the figures of all seeds, by experiment's name."""
    rows = [
        "| said | network | measured | expected | seeds 0 to 4 |",
        "|---|---|---|---|---|",
    ]
    for one in EXPERIMENTS:
        if one.name in figures:
            values = ", ".join(f"{value:.4g}" for value in figures[one.name])
            rows.append(
                f"| {one.claim} | {one.setting} | {one.measured} | {one.expected} | {values} |"
            )
    return "\n".join(rows)


def main() -> None:
    """Measure, print the table, keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.published", description=__doc__)
    parser.add_argument("--only", nargs="*", help="names such as clipped")
    arguments = parser.parse_args()
    figures = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for one in EXPERIMENTS:
        if arguments.only is None or one.name in arguments.only:
            figures[one.name] = [one.measure(seed) for seed in SEEDS]
            print(table({one.name: figures[one.name]}).splitlines()[-1], flush=True)
            RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print()
    print(table(figures))


if __name__ == "__main__":
    main()
