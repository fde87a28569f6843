"""A batch swept in shards on several threads: the loss and gradient of one sweep, to rounding."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.network import Network
from engine.bptt.readout import Loss
from engine.bptt.segmented_sweep import SegmentedSweep
from engine.bptt.sharded_sweep import ShardedSweep
from engine.bptt.sweep import Sweep
from engine.bptt.tape import CHUNK
from engine.cells import make_cell
from engine.compiled import SWITCH
from engine.tasks.base import Batch
from tests.engine.bptt.test_every_cell import every_cell
from tests.engine.bptt.test_sweep import random_weights

T, B, D, H, K = 2 * CHUNK + 7, 7, 3, 5, 2
SHARDS = 3

ROUNDING = 1e-12
"""Relative to the largest entry: float64 sums over samples, added up in another order."""


class Found(NamedTuple):
    """What a sweep leaves."""

    loss: Loss
    gradient: Array


def network_of(
    name: str = "elman",
    options: Mapping[str, Any] | None = None,
    *,
    activation: str | None = None,
    dtype: str = "float64",
    scale: float = 0.5,
    **flags: object,
) -> Network:
    sizes = {"inputs": D, "hidden": H, "outputs": K, "layers": 2, "layer_skips": True}
    cell = make_cell(name, activation, options or {})
    network = Network(cell, dtype=dtype, **(sizes | flags))  # type: ignore[arg-type]  # sizes by name
    return random_weights(network, np.random.default_rng(5), scale)


def batch_of(
    loss: str = "mean_squared_error", *, dtype: str = "float64", nothing_from: int = B
) -> Batch:
    """Return sequences of different lengths; those from `nothing_from` on are asked for nothing."""
    rng = np.random.default_rng(6)
    inputs = rng.normal(size=(T, B, D)).astype(dtype)
    lengths = rng.integers(2, T, B)
    lengths[0] = T
    mask = (np.arange(T)[:, None] < lengths) & (rng.random((T, B)) < 0.4)
    mask[lengths - 1, np.arange(B)] = True
    mask[:, nothing_from:] = False
    if loss == "cross_entropy":
        return Batch(inputs, rng.integers(0, K, (T, B)), mask)
    return Batch(inputs, rng.normal(size=(T, B, K)).astype(dtype), mask)


def whole(
    network: Network,
    batch: Batch,
    loss: str = "mean_squared_error",
    reduction: str = "mean",
    *,
    kind: type[Sweep] = Sweep,
    window: int | None = None,
) -> Found:
    sweep = kind(network, length=T, batch=B, window=window)
    found = sweep.forward(batch, loss, reduction)
    sweep.backward()
    return Found(found, network.gradient.copy())


def sharded(
    network: Network,
    batch: Batch,
    loss: str = "mean_squared_error",
    reduction: str = "mean",
    *,
    shards: int = SHARDS,
    kind: type[Sweep] = Sweep,
    window: int | None = None,
) -> Found:
    """Return what the second of two sweeps leaves."""
    sweep = ShardedSweep(network, length=T, batch=B, shards=shards, kind=kind, window=window)
    for _ in range(2):
        found = sweep.forward_and_back(batch, loss, reduction)
    return Found(found, network.gradient.copy())


def assert_alike(ours: Found, theirs: Found) -> None:
    assert np.any(theirs.gradient != 0)
    bound = ROUNDING * np.abs(theirs.gradient).max()
    np.testing.assert_allclose(ours.gradient, theirs.gradient, rtol=0, atol=bound)
    np.testing.assert_allclose(
        [v for v in ours.loss if v is not None],
        [v for v in theirs.loss if v is not None],
        rtol=ROUNDING,
    )
    assert (ours.loss.accuracy is None) == (theirs.loss.accuracy is None)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@every_cell
def test_every_cells_loss_and_gradient_are_those_of_one_sweep(
    name: str, options: Mapping[str, Any], reduction: str
) -> None:
    network, batch = network_of(name, options), batch_of()
    theirs = whole(network, batch, reduction=reduction)
    network.gradient.fill(np.nan)
    assert_alike(sharded(network, batch, reduction=reduction), theirs)


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_so_they_are_on_the_plain_path_of_cells_that_are_compiled(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "0")
    network, batch = network_of(cell), batch_of()
    assert_alike(sharded(network, batch), whole(network, batch))


@pytest.mark.parametrize("shards", [2, 3, B])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_accuracy_and_cross_entropy_are_of_the_whole_batch(reduction: str, shards: int) -> None:
    network, batch, loss = network_of("gru"), batch_of("cross_entropy"), "cross_entropy"
    theirs = whole(network, batch, loss, reduction)
    assert 0 < (theirs.loss.accuracy or 0) < 1
    ours = sharded(network, batch, loss, reduction, shards=shards)
    assert_alike(ours, theirs)
    assert ours.loss.accuracy == theirs.loss.accuracy


@pytest.mark.parametrize(
    ("flags", "window"),
    [
        ({"bidirectional": True}, None),
        ({"bias": False}, None),
        ({"layers": 1}, CHUNK),
        ({"layer_skips": False}, CHUNK + 3),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [Sweep, SegmentedSweep])
def test_directions_biases_windows_and_recomputed_states_change_nothing_about_it(
    kind: type[Sweep], flags: Mapping[str, Any], window: int | None
) -> None:
    network, batch = network_of("elman", **flags), batch_of()
    theirs = whole(network, batch, window=window)
    assert_alike(sharded(network, batch, kind=kind, window=window), theirs)


@pytest.mark.parametrize("kind", [Sweep, SegmentedSweep])
def test_a_shard_that_is_asked_for_nothing_adds_nothing(kind: type[Sweep]) -> None:
    network, batch = network_of(layers=1), batch_of("cross_entropy", nothing_from=2)
    theirs = whole(network, batch, "cross_entropy")
    ours = sharded(network, batch, "cross_entropy", kind=kind)
    assert_alike(ours, theirs)
    assert ours.loss.accuracy == theirs.loss.accuracy


@pytest.mark.parametrize("kind", [Sweep, SegmentedSweep])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bits_are_those_of_the_shards_swept_one_after_the_other(
    dtype: str, kind: type[Sweep]
) -> None:
    network, batch = network_of("gru", dtype=dtype), batch_of(dtype=dtype)
    ours = sharded(network, batch, kind=kind)
    total = np.zeros_like(network.gradient)
    for own in (slice(0, 3), slice(3, 5), slice(5, 7)):
        part = Batch(batch.inputs[:, own], batch.targets[:, own], batch.mask[:, own], batch.asked)
        alone = kind(network, length=T, batch=part.size)
        alone.forward(part, "mean_squared_error", "sum")
        alone.backward()
        total += network.gradient
    total *= ours.loss.scale
    assert ours.gradient.tobytes() == total.tobytes()


def test_repetitions_have_the_same_bits() -> None:
    network, batch = network_of("lstm", dtype="float32"), batch_of(dtype="float32")
    sweep = ShardedSweep(network, length=T, batch=B, shards=B)
    found = set()
    for _ in range(20):
        loss = sweep.forward_and_back(batch, "mean_squared_error")
        found.add((loss, network.gradient.tobytes()))
    assert len(found) == 1


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_not_finite_in_one_shard_is_so_in_the_whole(value: float) -> None:
    network, batch = network_of(activation="relu"), batch_of()
    batch.inputs[3, B - 1] = value
    assert_no_longer_finite(network, batch)


def test_a_network_that_explodes_overflows_in_shards_as_in_the_whole() -> None:
    assert_no_longer_finite(network_of(activation="relu", scale=1e30), batch_of())


def assert_no_longer_finite(network: Network, batch: Batch) -> None:
    theirs = whole(network, batch)
    ours = sharded(network, batch)
    assert not np.isfinite(theirs.loss.value)
    np.testing.assert_array_equal(ours.loss.value, theirs.loss.value)
    assert not np.isfinite(theirs.gradient).all()
    np.testing.assert_array_equal(np.isfinite(ours.gradient), np.isfinite(theirs.gradient))


def test_changed_weights_are_those_of_every_shard() -> None:
    network, batch = network_of("orthogonal"), batch_of()
    sweep = ShardedSweep(network, length=T, batch=B, shards=SHARDS)
    sweep.forward_and_back(batch, "mean_squared_error")
    network.flat *= 0.7
    network.outdate()
    loss = sweep.forward_and_back(batch, "mean_squared_error")
    assert_alike(Found(loss, network.gradient.copy()), whole(network, batch))


def test_an_error_in_a_shard_is_the_callers() -> None:
    network, batch = network_of(), batch_of()
    sweep = ShardedSweep(network, length=T, batch=B, shards=SHARDS)
    too_many = Batch(batch.inputs[:, :, :2], batch.targets, batch.mask)
    with pytest.raises(ValueError, match="broadcast"):
        sweep.forward_and_back(too_many, "mean_squared_error")
    loss = sweep.forward_and_back(batch, "mean_squared_error")
    assert_alike(Found(loss, network.gradient.copy()), whole(network, batch))
