"""Which trainings can be swept side by side, and where that pays.

A NumPy call costs some hundred nanoseconds whatever it is given. A step of a small network is
little else, and an ensemble pays it once for all members; a larger one is busy multiplying, which
members do not share, and one training after the other keeps more of it in the caches. An ensemble
runs on one thread: what asks for several is trained by itself.
"""

from collections.abc import Sequence

from engine.config import RunConfig

LARGEST = 128
"""H·B of a member up to which sweeping side by side is faster, by `benchmarks.many`."""

FEWEST = 3
MOST = 64
"""Members of an ensemble: two gain nothing; more than 64 gain little, and outgrow the caches."""

RARELY = 10
"""Updates between frames of the training batch from which they are rare: each member sweeps by
itself for one of its own."""

MODEL = (
    "cell", "activation", "options", "hidden_size", "layers", "bidirectional", "bias", "layer_skips"
)  # fmt: skip
TRAINING = ("batch_size", "reduction", "precision", "truncation", "memory")


def ensembles(configs: Sequence[RunConfig]) -> list[list[int]]:
    """Return which configurations are trained together: their places, in groups.

    Those of one group have the same task, cell and sizes; seeds, rates, optimizers, initial
    weights and what is recorded may differ. What gains nothing by it is a group of one.

    Example:
        >>> small = {"task": {"kind": "adding", "length": 10}, "training": {"batch_size": 2},
        ...          "model": {"cell": "elman", "hidden_size": 4}}
        >>> seeds = [RunConfig.from_dict({**small, "seed": seed}) for seed in range(3)]
        >>> large = RunConfig.from_dict({**small, "model": {"cell": "lstm", "hidden_size": 256}})
        >>> ensembles([*seeds[:2], large, seeds[2]])
        [[0, 1, 3], [2]]
    """
    found: list[list[int]] = []
    for index, config in enumerate(configs):
        fitting = (
            group for group in found if len(group) < MOST and fits_beside(config, configs[group[0]])
        )
        group = next(fitting, None)
        if group is None:
            found.append([index])
        else:
            group.append(index)
    split = [[[index] for index in group] if len(group) < FEWEST else [group] for group in found]
    return sorted(group for parts in split for group in parts)


def pays(config: RunConfig) -> bool:
    """Tell whether trainings like this one gain by being swept side by side."""
    model, training, recording = config.model, config.training, config.recording
    small = model.hidden_size * training.batch_size <= LARGEST
    looks_elsewhere = recording.batch == "probe" or recording.every >= RARELY
    plain = training.regularizer is None and training.memory != "recomputed"
    return small and looks_elsewhere and plain and training.threads == 1


def fits_beside(config: RunConfig, other: RunConfig) -> bool:
    """Tell whether two trainings can be swept side by side, and gain by it."""
    return (
        pays(config)
        and pays(other)
        and config.task == other.task
        and all(getattr(config.model, n) == getattr(other.model, n) for n in MODEL)
        and all(getattr(config.training, n) == getattr(other.training, n) for n in TRAINING)
    )
