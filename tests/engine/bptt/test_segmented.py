"""A tape that holds one segment at a time gives the bits of a tape that holds every step."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import DTypeLike

from engine.bptt.network import Network
from engine.bptt.observation import Observation
from engine.bptt.segmented_sweep import SegmentedSweep
from engine.bptt.segmented_tape import SegmentedTape
from engine.bptt.segments import Segments
from engine.bptt.sweep import Sweep
from engine.bptt.tape import CHUNK, LayerTape
from engine.cells import make_cell
from engine.compiled import SWITCH
from engine.errors import EngineError
from engine.tasks.base import Batch
from tests.engine.bptt.test_every_cell import every_cell
from tests.engine.bptt.test_sweep import random_weights

T, B, D, H, K = 99, 3, 4, 6, 2
"""T is no multiple of the 16 steps that a segment has there."""

ASKED: Mapping[str, slice] = {
    "last": slice(T - 1, T),
    "every": slice(0, T),
    "some": slice(1, T, 7),
    "in the middle": slice(T // 3, T // 3 + 1),
}

SWEEPS = (Sweep, SegmentedSweep)


def network_of(
    name: str, options: Mapping[str, Any], dtype: DTypeLike, layers: int = 1, **flags: bool
) -> Network:
    cell = make_cell(name, options=options)
    network = Network(cell, inputs=D, hidden=H, outputs=K, layers=layers, dtype=dtype, **flags)
    return random_weights(network, np.random.default_rng(3))


def batch_of(asked: str, dtype: DTypeLike) -> Batch:
    rng = np.random.default_rng(4)
    mask = np.zeros((T, B), bool)
    mask[ASKED[asked]] = True
    mask[:, 1] &= rng.random(T) < 0.7
    mask[ASKED[asked].start] = True
    inputs, targets = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, K))
    return Batch(inputs.astype(dtype), targets.astype(dtype), mask)


def left_by(
    kind: type[Sweep], network: Network, batch: Batch, window: int | None = None
) -> dict[str, np.ndarray]:
    """Return what the second of two sweeps leaves."""
    sweep = kind(network, length=T, batch=B, window=window)
    for _ in range(2):
        loss = sweep.forward(batch, "mean_squared_error")
        sweep.backward()
    return {
        "loss": np.array(loss.value),
        "gradient": network.gradient.copy(),
        "norms": sweep.log10_hidden_norms,
        "means": sweep.hidden_norms().means,
    }


def assert_same_bits(network: Network, batch: Batch, window: int | None = None) -> None:
    whole, cut = (left_by(kind, network, batch, window) for kind in SWEEPS)
    assert np.any(whole["gradient"] != 0)
    for name, value in whole.items():
        assert value.tobytes() == cut[name].tobytes(), name


@pytest.mark.parametrize(
    ("dtype", "layers", "asked"),
    [
        ("float32", 2, "last"),
        ("float64", 1, "every"),
        pytest.param("float32", 1, "every", marks=pytest.mark.long),
        pytest.param("float64", 2, "some", marks=pytest.mark.long),
    ],
)
@every_cell
def test_loss_gradient_and_norms_are_those_of_a_whole_tape(
    name: str, options: Mapping[str, Any], dtype: str, layers: int, asked: str
) -> None:
    network = network_of(name, options, dtype, layers=layers)
    assert_same_bits(network, batch_of(asked, dtype))


@pytest.mark.parametrize("asked", ["every", "in the middle"])
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_so_they_are_on_the_plain_path_of_cells_that_are_compiled(
    cell: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "0")
    assert_same_bits(network_of(cell, {}, "float32", layers=2), batch_of(asked, "float32"))


@pytest.mark.parametrize(("asked", "window"), [("some", 24), ("in the middle", None), ("some", 32)])
@pytest.mark.parametrize(
    ("cell", "options"), [("lstm", {}), ("preactivation", {}), ("skip", {"skip": 20}), ("lru", {})]
)
def test_so_they_are_wherever_the_loss_asks_and_the_way_back_is_cut(
    cell: str, options: Mapping[str, Any], window: int | None, asked: str
) -> None:
    network = network_of(cell, options, "float32", layers=2, layer_skips=True)
    assert_same_bits(network, batch_of(asked, "float32"), window)


@pytest.mark.parametrize("asked", ["every", "in the middle"])
@pytest.mark.parametrize("cell", ["elman", "skip"])
def test_so_they_are_of_layers_that_read_both_ways(cell: str, asked: str) -> None:
    network = network_of(cell, {}, "float32", layers=2, bidirectional=True)
    assert_same_bits(network, batch_of(asked, "float32"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-6, 3.0])
def test_so_they_are_where_gradients_leave_the_range_of_their_type(
    scale: float, dtype: str
) -> None:
    network = Network(
        make_cell("elman", "identity"), inputs=D, hidden=H, outputs=K, layers=2, dtype=dtype
    )
    random_weights(network, np.random.default_rng(3), 0.1)
    shrinking = scale * np.eye(H)
    network.load(network.parameters() | {"weight_hh_l0": shrinking, "weight_hh_l1": shrinking})
    assert_same_bits(network, batch_of("some", dtype))


def test_a_segment_holds_about_as_many_steps_as_there_are_segments() -> None:
    cut = Segments.of(10_000)
    assert (cut.steps, cut.count) == (112, 90)
    assert [cut.bounds(n) for n in (0, 88, 89)] == [(0, 112), (9856, 9968), (9968, 10_000)]


@pytest.mark.parametrize("length", range(1, 200, 30))
@pytest.mark.parametrize(("furthest", "window"), [(1, None), (7, None), (40, None), (1, 24)])
def test_segments_are_whole_chunks_and_the_last_is_as_long_as_a_step_reads_back(
    length: int, furthest: int, window: int | None
) -> None:
    cut = Segments.of(length, furthest=furthest, window=window)
    bounds = [cut.bounds(number) for number in range(cut.count)]
    assert [start for start, _ in bounds[1:]] == [stop for _, stop in bounds[:-1]]
    assert (bounds[0][0], bounds[-1][1]) == (0, length)
    assert (cut.steps % CHUNK, cut.steps % (window or 1)) == (0, 0)
    last = bounds[-1][1] - bounds[-1][0]
    assert min(length, furthest) <= last


def test_the_way_back_unrolls_all_but_the_last_two_segments_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[int] = []

    def recorded(tape: SegmentedTape, number: int) -> LayerTape:
        ran.append(number)
        return run(tape, number)

    run = SegmentedTape._run
    monkeypatch.setattr(SegmentedTape, "_run", recorded)
    sweep = SegmentedSweep(network_of("elman", {}, "float32"), length=T, batch=B)
    sweep.forward(batch_of("last", "float32"), "mean_squared_error")
    sweep.backward()
    every = list(range(Segments.of(T).count))
    assert ran == every + every[-3::-1]


@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_what_needs_every_step_is_refused_with_a_sentence(cell: str) -> None:
    network, batch = network_of(cell, {}, "float32"), batch_of("last", "float32")
    sweep = SegmentedSweep(network, length=T, batch=B)
    sweep.forward(batch, "mean_squared_error")
    sweep.backward()
    with pytest.raises(EngineError, match="keeps those of one segment: expected"):
        Observation.of_sweep(sweep, batch)
    with pytest.raises(EngineError, match="keeps those of one segment: expected"):
        sweep.stack(1)


@pytest.mark.parametrize("read", [lambda s: s.keeps_carried, Sweep.gains, lambda s: s.tapes])
def test_what_it_was_told_to_keep_is_refused_where_it_is_read(
    read: Callable[[Sweep], object],
) -> None:
    network, batch = network_of("elman", {}, "float32"), batch_of("last", "float32")
    sweep = SegmentedSweep(network, length=T, batch=B)
    sweep.keep_carried()
    sweep.count_saturated()
    sweep.forward(batch, "mean_squared_error")
    sweep.backward()
    with pytest.raises(EngineError, match="keeps those of one segment: expected"):
        read(sweep)
