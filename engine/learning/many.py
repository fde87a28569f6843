"""Many trainings at once: side by side on an ensemble axis where that pays, else one by one."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from engine.arrays import Array
from engine.blas import OneThread
from engine.bptt.ensemble import EnsembleNetwork, EnsembleSweep
from engine.bptt.network import Network
from engine.config import RunConfig
from engine.learning.beginning import require_model
from engine.learning.grouping import ensembles
from engine.learning.one import training_of
from engine.learning.snapshot import Snapshot
from engine.learning.training import Training
from engine.tasks import Batch, Data

State = Mapping[str, object]
Weights = Mapping[str, Array]


class Member(NamedTuple):
    """A snapshot of one of many trainings.

    Attributes:
        place: Of the training among the configurations.
        snapshot: As `train` yields it; valid until the next one of the same training.
    """

    place: int
    snapshot: Snapshot


class Many(Iterator[Member]):
    """The snapshots of many trainings, as they come; each training's own in order.

    Members that are swept side by side come by turns, step by step; groups, and trainings by
    themselves, one after the other.
    """

    def __init__(
        self,
        configs: Sequence[RunConfig],
        data: Sequence[Data | None],
        initial: Sequence[Weights | None],
        resume: Sequence[State | None],
    ) -> None:
        """Prepare to train; nothing is made before the first snapshot is asked for."""
        self._configs, self._data = configs, data
        self._initial, self._resume = initial, resume
        self._dropped: set[int] = set()
        self._members = self._all()

    def __next__(self) -> Member:
        """Return the next snapshot of any of them."""
        return next(self._members)

    def drop(self, place: int) -> None:
        """Train one of them no further; no bit of the others changes."""
        self._dropped.add(place)

    def _all(self) -> Iterator[Member]:
        for group in ensembles(self._configs):
            if len(group) > 1:
                yield from self._together(group)
            else:
                yield from self._alone(group[0])

    def _alone(self, index: int) -> Iterator[Member]:
        if index in self._dropped:
            return
        training = self._training(index)
        for snapshot in training.snapshots():
            yield Member(index, snapshot)
            if index in self._dropped:
                return

    def _training(self, index: int, rows: "_Rows | None" = None) -> Training:
        place = None if rows is None else rows.take
        arguments = self._configs[index], self._initial[index], self._data[index]
        training = training_of(*arguments, place)
        state = self._resume[index]
        if state is not None:
            training.restore(state)
        return training

    def _together(self, group: Sequence[int]) -> Iterator[Member]:
        rows = _Rows(len(group))
        ensemble = _Ensemble([self._training(index, rows) for index in group], rows)
        ensemble.rest(place for place, index in enumerate(group) if index in self._dropped)
        one_thread = OneThread()
        while ensemble.working:
            with one_thread:
                snapshots = ensemble.look()
            for place, snapshot in snapshots.items():
                if group[place] not in self._dropped:
                    yield Member(group[place], snapshot)
            dropped = {place for place in snapshots if group[place] in self._dropped}
            with one_thread:
                ensemble.update(snapshots, dropped)


class _Rows:
    """The flat vectors of all members, a row for each."""

    def __init__(self, members: int) -> None:
        self._members, self._taken = members, 0
        self.flat: Array = np.zeros((0, 0))
        self.gradient: Array = np.zeros((0, 0))

    def take(self, network: Network) -> None:
        """Give a network the next row."""
        if not self._taken:
            shape = self._members, network.flat.size
            self.flat, self.gradient = (
                np.zeros(shape, network.dtype),
                np.zeros(shape, network.dtype),
            )
        network.move(self.flat[self._taken], self.gradient[self._taken])
        self._taken += 1


class _Ensemble:
    """Trainings of one shape that are swept side by side.

    Attributes:
        working: Places of those that go on.
    """

    def __init__(self, trainings: Sequence[Training], rows: _Rows) -> None:
        self._trainings = trainings
        first = trainings[0]
        options = first.config.training
        self._samples = options.batch_size
        networks = [training.network for training in trainings]
        self._network = EnsembleNetwork(networks, rows.flat, rows.gradient, self._samples)
        self._sweep = EnsembleSweep(
            self._network, length=first.task.length, window=options.truncation
        )
        self._loss, self._reduction = first.task.loss, options.reduction
        self._batch: Batch | None = None
        self.working = list(range(len(trainings)))

    def look(self) -> dict[int, Snapshot]:
        """Sweep the next batch of every working member; return what there is to see of each."""
        drawn = {place: self._trainings[place].draw() for place in self.working}
        found = self._sweep.forward_members(self._gather(drawn), self._loss, self._reduction)
        self._sweep.backward()
        return {
            place: self._trainings[place].seen(
                batch,
                found.value[place],
                None if found.accuracy is None else found.accuracy[place],
                # Once for a snapshot, and only where somebody looks at it.
                cache(lambda t=self._trainings[place], b=batch: t.sweep_again(b)),
            )
            for place, batch in drawn.items()
        }

    def _gather(self, drawn: Mapping[int, Batch]) -> Batch:
        """Return the batches side by side; those of idle members stay what they were."""
        if self._batch is None:
            self._batch = _side_by_side(next(iter(drawn.values())), len(self._trainings))
        for place, batch in drawn.items():
            columns = slice(place * self._samples, (place + 1) * self._samples)
            self._batch.inputs[:, columns] = batch.inputs
            self._batch.targets[:, columns] = batch.targets
            self._batch.mask[:, columns] = batch.mask
        return self._batch

    def update(self, snapshots: Mapping[int, Snapshot], dropped: set[int]) -> None:
        """Make the updates of all that go on."""
        ended = {place for place, snapshot in snapshots.items() if snapshot.is_last}
        for place in self.working:
            if place not in ended | dropped:
                self._trainings[place].update(snapshots[place].learning_rate)
        if ended | dropped:
            self.rest(ended | dropped)
        elif self.working:
            self._network.prepare()

    def rest(self, places: Iterator[int] | set[int]) -> None:
        """Let members take no part any more."""
        resting = set(places)
        self.working = [place for place in self.working if place not in resting]
        if self.working:
            everybody = range(len(self._trainings))
            self._network.let_idle([place for place in everybody if place not in self.working])


def _side_by_side(batch: Batch, members: int) -> Batch:
    """Return a batch like this one for every member, a copy beside the other."""
    parts = batch.inputs, batch.targets, batch.mask
    inputs, targets, mask = (np.concatenate([part] * members, axis=1) for part in parts)
    return Batch(inputs, targets, mask)


def train_many(
    configs: Sequence[RunConfig],
    *,
    data: Sequence[Data | None] | None = None,
    initial: Sequence[Weights | None] | None = None,
    resume: Sequence[State | None] | None = None,
) -> Many:
    """Train all of them, and yield the snapshots of each, in order, beside its place.

    Small networks of one shape (same task, cell, sizes and batch) are swept side by side, each
    with the gradients that it has by itself to rounding; which, says `ensembles`. The others, and
    whoever has `training.threads` of its own, are trained in turn. Whoever ends, diverges or is
    dropped changes no bit of the others.

    Args:
        configs: The configurations.
        data: For each what `train` takes; None for none at all.
        initial: Likewise.
        resume: Likewise: what `Snapshot.state()` returned. Where every member of a group goes on
            from its state, all go on bit for bit.

    Returns:
        An iterator of `Member(place, snapshot)`, whose `drop(place)` trains one no further.

    Raises:
        ValueError: Not one of each argument for every configuration.
        ConfigError, ShapeError: As `train`; those that need the data when they are reached.

    Example:
        >>> from engine import RunConfig
        >>> config = {"task": {"kind": "adding", "length": 10}, "training": {"steps": 2},
        ...           "model": {"cell": "elman", "hidden_size": 2}}
        >>> seeds = [RunConfig.from_dict({**config, "seed": seed}) for seed in (1, 2)]
        >>> [(place, snapshot.step) for place, snapshot in train_many(seeds)]
        [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    """
    parts = {"data": data, "initial": initial, "resume": resume}
    for name, part in parts.items():
        if part is not None and len(part) != len(configs):
            raise ValueError(
                f"{name}: expected one for each of {len(configs)} configurations, got {len(part)}"
            )
    none = [None] * len(configs)
    for config, weights, state in zip(configs, initial or none, resume or none, strict=True):
        require_model(config, weights, state)
    return Many(configs, data or none, initial or none, resume or none)
