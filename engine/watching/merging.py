"""From statistics of sequences of several lengths to those of the batch.

    gradients           mean over all sequences; after its end one has a gradient of exactly zero
    states              mean over the sequences that have this time step; NaN where none has
    counts              sums
    factors             mean over the sequences that have them, the others counted as left out

A statistic that is none of these has no value for a batch of several lengths: NaN.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from engine.arrays import Array, BoolArray, IntArray
from engine.recording import Layout
from engine.statistics import STATISTICS, dead_units, gain_factors_left_out
from engine.watching.swept import Swept

TIMES = ("time", "loss_time", "state_time")

OF_GRADIENTS = (
    "hidden_gradient_norm", "immediate_gradient_norm", "cell_gradient_norm",
    "output_gradient_norm", "hidden_gradient", "loss_state_gradient",
)  # fmt: skip
OF_STATES = ("activation", "activation_slope", "gate", "saturation")
OF_COUNTS = ("activation_slope_histogram", "preactivation_histogram")
FACTORS, LEFT_OUT = "gain_factors", "gain_factors_left_out"


def merged(groups: Sequence[Swept], layouts: Mapping[str, Layout], length: int) -> dict[str, Array]:
    """Return every statistic of a batch that can be read from a sweep.

    Args:
        groups: The batch's sequences, by length.
        layouts: What is recorded.
        length: T of the layouts.
    """
    one = groups[0] if len(groups) == 1 and groups[0].length == length else None
    found: dict[str, Array] = {}
    for name, layout in layouts.items():
        compute = STATISTICS[name].compute
        if name == "last_loss_gradient":
            found[name] = last_loss_gradient(groups, length)
        elif compute is None:
            continue
        elif one is not None or not set(TIMES) & set(layout.axes):
            found[name] = _own_parameters(compute(groups[0].observation), layout)
        else:
            found[name] = _merged(name, groups, layouts)
    if len(groups) > 1 and "dead_units" in found:
        found["dead_units"] = dead_units.share([group.observation for group in groups])
    return found


def _own_parameters(values: Array, layout: Layout) -> Array:
    """Return a statistic without the rows of a read-out, of which a hook sees nothing."""
    return values[: len(layout.coords["parameter"])] if "parameter" in layout.axes else values


def last_loss_gradient(groups: Sequence[Swept], length: int) -> Array:
    """Return log10 of the mean over sequences of ‖dℓ_τ/dh‖ by distance from τ, [S, T].

    Sequences end at different times, so each one's own last step τ stands at T, and a state d
    steps before it at T − d. Sequences that have no such state do not count there. What reads
    backwards begins at time 1 with all sequences, and stands as it is.
    """
    backwards = np.array(groups[0].observation.network.backwards)
    rows, there = [], []
    for group in groups:
        for sample in np.flatnonzero(group.ends):
            end, own = group.ends[sample], group.last[:, :, sample]
            row = np.full((len(own), length), np.nan)
            row[~backwards, length - end :] = own[~backwards, :end]
            row[backwards, : group.length] = own[backwards]
            known = np.zeros(row.shape)
            known[~backwards, length - end :] = 1
            known[backwards, : group.length] = 1
            rows.append(row)
            there.append(known)
    if not rows:
        return np.full((len(backwards), length), -np.inf)
    return _log10_mean(np.stack(rows), np.stack(there))


def _merged(name: str, groups: Sequence[Swept], layouts: Mapping[str, Layout]) -> Array:
    layout = layouts[name]
    compute = STATISTICS[name].compute
    if compute is None or name not in (*OF_GRADIENTS, *OF_STATES, *OF_COUNTS, FACTORS, LEFT_OUT):
        return np.full(layout.shape, np.nan)
    placed = [_placed(compute(group.observation), group, layout) for group in groups]
    values = np.stack([value for value, _ in placed])
    there = np.stack([here for _, here in placed])
    sizes = np.array([float(group.size) for group in groups]).reshape(-1, *[1] * len(layout.shape))
    if name in OF_GRADIENTS:
        future = _future(layout, groups[0])
        logs = np.where(there & ~future, values, -np.inf)
        return np.where(future, np.nan, _log10_mean(logs, np.broadcast_to(sizes, logs.shape)))
    counted = np.where(there, values, 0.0)
    if name in OF_COUNTS:
        return np.asarray(counted.sum(axis=0))
    if name == LEFT_OUT:
        return np.asarray(np.where(there, values, sizes).sum(axis=0))
    weights = np.where(there, sizes, 0.0)
    if name == FACTORS:
        left = _left_out(groups, layouts[LEFT_OUT])
        weights = weights - np.where(there, left[..., None], 0.0)
        counted = np.where(weights > 0, counted, 0.0)
    total = weights.sum(axis=0)
    empty = -np.inf if name == FACTORS else np.nan
    means = (counted * weights).sum(axis=0) / np.where(total > 0, total, 1.0)
    return np.asarray(np.where(total > 0, means, empty))


def _left_out(groups: Sequence[Swept], layout: Layout) -> Array:
    """Return how many sequences of each group have no factors, a row a group."""
    counts = [gain_factors_left_out.compute(group.observation) for group in groups]
    placed = [_placed(count, group, layout) for count, group in zip(counts, groups, strict=True)]
    return np.stack([values for values, _ in placed])


def _placed(values: Array, group: Swept, layout: Layout) -> tuple[Array, BoolArray]:
    """Return a group's values where they stand in the batch's, and which entries it has."""
    found = np.full(layout.shape, np.nan)
    places = []
    for axis, size in zip(layout.axes[1:], values.shape, strict=True):
        if axis not in TIMES:
            places.append((np.arange(size), np.arange(size)))
            continue
        wanted = np.asarray(layout.coords[axis])
        own = _own_times(axis, group, size)
        _, theirs, mine = np.intersect1d(wanted, own, return_indices=True)
        places.append((theirs, mine))
    found[np.ix_(*(theirs for theirs, _ in places))] = values[np.ix_(*(m for _, m in places))]
    there = np.zeros(layout.shape, np.bool_)
    there[np.ix_(*(theirs for theirs, _ in places))] = True
    return found, there


def _own_times(axis: str, group: Swept, size: int) -> IntArray:
    """Return the coordinates that a group's array has along an axis of times."""
    if axis == "loss_time" and size < group.length:
        return np.asarray(group.observation.asked_times)
    return np.arange(1, size + 1)


def _future(layout: Layout, group: Swept) -> BoolArray:
    """Return where a loss does not depend on a state, since it comes after: not defined."""
    if "loss_time" not in layout.axes:
        return np.zeros(layout.shape, np.bool_)
    times = [int(time) for time in layout.coords["loss_time"]]
    network = group.observation.network
    future: BoolArray = ~network.defined(times, len(layout.coords["state_time"]))
    return future


def _log10_mean(logs: Array, weights: Array) -> Array:
    """Return log10 of the weighted mean over the first axis of 10^logs; NaN without weight."""
    known = np.where(weights > 0, logs, -np.inf)
    largest = known.max(axis=0)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        powers = np.where(weights > 0, np.power(10.0, known - shift), 0.0)
        mean = (powers * weights).sum(axis=0) / weights.sum(axis=0)
        found: Array = np.log10(mean) + shift
    return found
