"""A sweep that is cut every w steps is one sweep for each window, from states taken as given."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import engine
from engine.arrays import Array
from engine.bptt.backward import LayerBackward
from engine.bptt.network import Network
from engine.bptt.state_adjoints import StateAdjoints
from engine.bptt.sweep import Sweep
from engine.bptt.tape import CHUNK, LayerTape
from engine.cells import make_cell
from engine.errors import ShapeError
from engine.tasks.base import Batch
from tests.engine.bptt.test_every_cell import every_cell
from tests.engine.bptt.test_sweep import random_weights

T, B, D, H, S, K = 2 * CHUNK + 9, 3, 4, 4, 2, 3

WINDOWS = (1, 3, CHUNK, CHUNK + 4)
"""One step, several in a chunk, a chunk, and one that ends within the next."""

every_window = pytest.mark.parametrize("window", WINDOWS)


def network_of(
    name: str, options: Mapping[str, Any], rng: np.random.Generator, scale: float = 0.5
) -> Network:
    """Return two layers with a layer skip."""
    network = Network(
        make_cell(name, options=options), inputs=D, hidden=H, layers=S, outputs=K,
        layer_skips=True, dtype=np.float64,
    )  # fmt: skip
    return random_weights(network, rng, scale)


def batch_of(rng: np.random.Generator) -> Batch:
    """Return random classes, asked at two steps in three, and never in steps 20 … 29."""
    mask = rng.random((T, B)) < 2 / 3
    mask[20:30] = False
    mask[-1] = True
    return Batch(rng.normal(size=(T, B, D)), rng.integers(0, K, (T, B)), mask)


def state_at(tape: LayerTape, name: str, row: int) -> np.ndarray:
    """Return a state at a row, (B, H)."""
    if name not in tape.cell.states:
        row -= int(name.removeprefix("h_"))
        return tape.outputs[row].T.copy() if row >= 0 else np.zeros((B, H))
    if name == "h" != tape.cell.output:  # what the last step's product made
        return tape.now(row - 1)[name].T.copy()
    return tape.now(row)[name].T.copy()


def swept(network: Network, batch: Batch, window: int | None = None) -> Sweep:
    """Return a sweep forward and back of the sum of all losses."""
    sweep = Sweep(network, length=len(batch.inputs), batch=B, window=window)
    sweep.forward(batch, "cross_entropy", "sum")
    sweep.backward()
    return sweep


def windows_of(
    network: Network, batch: Batch, whole: Sweep, window: int
) -> list[tuple[slice, np.ndarray, np.ndarray]]:
    """Sweep each window by itself; return its steps, its gradient and its hidden norms."""
    found = []
    for start in range(0, T, window):
        part = slice(start, min(start + window, T))
        states = {
            name: np.stack([state_at(tape, name, start) for tape in whole.tapes])
            for name in (network.cell.state_names if start else ())
        }
        sweep = Sweep(network, length=part.stop - start, batch=B)
        cut = Batch(batch.inputs[part], batch.targets[part], batch.mask[part])
        if not cut.mask.any():
            norms = np.full((S, part.stop - start, B), -np.inf)
            found.append((part, np.zeros_like(network.gradient), norms))
            continue
        sweep.unroll(cut.inputs, states)
        sweep.forward_loss(cut, "cross_entropy", "sum")
        sweep.backward()
        found.append((part, network.gradient.copy(), sweep.log10_hidden_norms))
    return found


@every_cell
@every_window
def test_a_truncated_sweep_is_the_sum_of_its_windows(
    name: str, options: Mapping[str, Any], window: int, rng: np.random.Generator
) -> None:
    network, batch = network_of(name, options, rng), batch_of(rng)
    whole = swept(network, batch, window=window)
    gradient, norms = network.gradient.copy(), whole.log10_hidden_norms
    total = np.zeros_like(gradient)
    for part, share, theirs in windows_of(network, batch, whole, window):
        total += share
        np.testing.assert_allclose(norms[:, part], theirs, rtol=0, atol=1e-10)
    np.testing.assert_allclose(gradient, total, rtol=0, atol=1e-11 * np.abs(total).max())


@every_cell
@every_window
def test_no_loss_is_heard_beyond_its_window(
    name: str, options: Mapping[str, Any], window: int, rng: np.random.Generator
) -> None:
    network, batch = network_of(name, options, rng), batch_of(rng)
    cut, free = swept(network, batch, window=window), swept(network, batch)
    rows = (np.flatnonzero(batch.mask.any(axis=1)) + 1).tolist()
    for loss in rows[::7]:
        ((_, row),) = cut.stack(1).run(cut.top_source, [loss])
        ((_, plain),) = free.stack(1).run(free.top_source, [loss])
        wall = (loss - 1) // window * window
        assert np.all(row[:, 0, :wall] == -np.inf)
        np.testing.assert_allclose(row[:, 0, wall:], plain[:, 0, wall:], rtol=0, atol=1e-10)


@pytest.mark.parametrize("window", [CHUNK + 4])
@every_cell
def test_many_losses_in_a_stack_are_each_cut(
    name: str, options: Mapping[str, Any], window: int, rng: np.random.Generator
) -> None:
    network, batch = network_of(name, options, rng, scale=0.05), batch_of(rng)
    sweep = swept(network, batch, window=window)
    rows = (np.flatnonzero(batch.mask.any(axis=1)) + 1).tolist()
    blocks = [norms for _, norms in sweep.stack(len(rows)).run(sweep.top_source, rows)]
    together = np.concatenate(blocks, axis=1)
    alone = [next(iter(sweep.stack(1).run(sweep.top_source, [row])))[1] for row in rows]
    np.testing.assert_allclose(together, np.concatenate(alone, axis=1), rtol=0, atol=1e-10)


def norms_of(back: LayerBackward) -> Array:
    """Return ln of the norm of the whole state's adjoint at every row."""
    adjoints = StateAdjoints(back)
    return adjoints.ln_norms(adjoints.ln_carries())


@pytest.mark.parametrize("scale", [0.02, 0.5])
def test_the_adjoint_of_a_whole_state_is_that_of_its_window(
    scale: float, rng: np.random.Generator
) -> None:
    window = CHUNK + 4
    network, batch = network_of("skip", {"skip": 5}, rng, scale), batch_of(rng)
    whole = Sweep(network, length=T, batch=B, window=window)
    whole.keep_carried(True)
    whole.forward(batch, "cross_entropy", "sum")
    whole.backward()
    states = {
        name: np.stack([state_at(tape, name, window) for tape in whole.tapes])
        for name in network.cell.state_names
    }
    part = slice(window, 2 * window)
    cut = Batch(batch.inputs[part], batch.targets[part], batch.mask[part])
    alone = Sweep(network, length=window, batch=B)
    alone.keep_carried(True)
    alone.unroll(cut.inputs, states)
    alone.forward_loss(cut, "cross_entropy", "sum")
    alone.backward()
    for ours, theirs in zip(whole.backward_layers, alone.backward_layers, strict=True):
        found = norms_of(ours)[window + 1 : 2 * window + 1]
        np.testing.assert_allclose(found, norms_of(theirs)[1:], atol=1e-10)


@every_cell
def test_no_step_back_is_measured_through_a_wall(
    name: str, options: dict[str, Any], rng: np.random.Generator
) -> None:
    network, window = network_of(name, options, rng), CHUNK + 4
    sweep = Sweep(network, length=T, batch=B, window=window)
    batch = replace(batch_of(rng), mask=np.ones((T, B), np.bool_))
    sweep.keep_carried()
    sweep.forward(batch, "cross_entropy", "sum")
    sweep.backward()
    for gains in sweep.gains():
        at_walls = gains.left_out[window::window]
        assert at_walls.shape == (len(range(window, T, window)), B)
        assert at_walls.all()
        assert not gains.left_out[:window].all()


def test_a_window_as_long_as_the_sequence_cuts_nothing(rng: np.random.Generator) -> None:
    network, batch = network_of("lstm", {}, rng), batch_of(rng)
    swept(network, batch)
    gradient = network.gradient.copy()
    swept(network, batch, window=T)
    np.testing.assert_array_equal(network.gradient, gradient)


def test_a_truncated_trace_is_the_truncated_sweep(rng: np.random.Generator) -> None:
    network, batch = network_of("lem", {}, rng), batch_of(rng)
    swept(network, batch, window=7)
    trace = engine.trace(
        "lem",
        network.parameters(),
        batch.inputs,
        targets=batch.targets,
        mask=batch.mask,
        reduction="sum",
        truncation=7,
        options={"layer_skips": True},
    )
    for name, gradient in network.gradients().items():
        np.testing.assert_array_equal(trace.parameter_gradients[name], gradient)
    lost = trace.loss_state_gradients()[:, 8, :7]
    np.testing.assert_array_equal(lost, 0)


def test_a_window_of_no_step_is_refused(rng: np.random.Generator) -> None:
    network = network_of("elman", {}, rng)
    with pytest.raises(ShapeError, match="truncation: expected at least 1 step, got 0"):
        engine.trace(
            "elman",
            network.parameters(),
            np.zeros((3, 1, D)),
            output_gradients=np.zeros((3, 1, K)),
            truncation=0,
        )


def test_a_training_is_cut_where_its_configuration_says() -> None:
    config = engine.RunConfig.from_dict(
        {
            "task": {"kind": "adding", "length": 20},
            "model": {"cell": "lstm", "hidden_size": 8},
            "training": {"steps": 2, "batch_size": 4, "truncation": 6},
            "recording": {"every": 1, "statistics": ["loss_state_gradient"]},
        }
    )
    frame = engine.record(config).frames[0]
    heard = np.isfinite(frame.arrays["loss_state_gradient"][0, -1])
    assert heard.tolist() == [False] * 18 + [True] * 2
