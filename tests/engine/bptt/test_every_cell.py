"""Every cell's whole sweep: the slope of its forward pass, alone and in a stack, however small."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import engine
from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.bptt.tape import CHUNK, LayerTape
from engine.cells import CELLS, make_cell
from engine.tasks.base import Batch
from tests.engine.bptt.test_sweep import random_weights

OPTIONS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    *((name, {}) for name in CELLS),
    ("skip", {"skip": 2}),
    ("skip", {"skip": 5}),
    ("skip", {"skip": 40}),
    ("gru", {"reset": "before"}),
    ("cornn", {"dt": 0.4, "gamma": 1.3, "epsilon": 0.7}),
    ("lem", {"dt": 0.6}),
)
"""Every cell, and those options that change its equations."""

every_cell = pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)

STEP = 1e-6
TOLERANCE = 1e-7
"""Relative to the size that the projection could have: rounding, 1e-16 / STEP, and STEP²."""

T, B, D, H, S = 7, 3, 4, 4, 2


def network_of(name: str, options: Mapping[str, Any], rng: np.random.Generator) -> Network:
    """Return two layers of four units with a layer skip and without a read-out."""
    network = Network(
        make_cell(name, options=options), inputs=D, hidden=H, layers=S, outputs=0,
        layer_skips=True, dtype=np.float64,
    )  # fmt: skip
    return random_weights(network, rng)


class Everything:
    """A scalar of all outputs and all final states, as a function of all that goes in."""

    def __init__(self, name: str, options: Mapping[str, Any], rng: np.random.Generator) -> None:
        self.network, self.options = network_of(name, options, rng), options
        cell = self.network.cell
        names = cell.state_names
        self.outputs = rng.normal(size=(T, B, H))
        self.final = {n: rng.normal(size=(S, B, H)) for n in names}
        self.place = {
            **self.network.parameters(),
            "x": rng.normal(size=(T, B, D)),
            **{f"initial {n}": rng.normal(size=(S, B, H)) for n in names},
        }

    def states(self, place: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the initial states among what goes in."""
        return {
            key.removeprefix("initial "): value
            for key, value in place.items()
            if key.startswith("initial ")
        }

    def last(
        self, place: Mapping[str, np.ndarray], layer: int, tape: LayerTape, name: str
    ) -> np.ndarray:
        """Return a state after the last step, (H, B)."""
        if name not in tape.cell.states:
            row = T - int(name.removeprefix("h_"))
            return tape.outputs[row] if row >= 0 else place[f"initial h_{-row}"][layer].T
        # A state that is not read is what the last step's product made.
        return tape.now(T - 1 if name == "h" != tape.cell.output else T)[name]

    def value(self, place: Mapping[str, np.ndarray]) -> float:
        """Return the scalar."""
        self.network.load({n: place[n] for n in self.network.parameter_shapes})
        sweep = Sweep(self.network, length=T, batch=B)
        sweep.unroll(place["x"], self.states(place))
        found = float(np.vdot(self.outputs, sweep.top_outputs[1:].transpose(0, 2, 1)))
        for name, weights in self.final.items():
            for layer, tape in enumerate(sweep.tapes):
                found += float(np.vdot(weights[layer], self.last(place, layer, tape, name).T))
        return found

    def gradients(self) -> dict[str, np.ndarray]:
        """Return the traced gradients of all that goes in."""
        cell = self.network.cell
        parameters = {n: self.place[n] for n in self.network.parameter_shapes}
        parameters.pop("readout.weight"), parameters.pop("readout.bias")
        trace = engine.trace(
            cell.name,
            parameters,
            self.place["x"],
            output_gradients=self.outputs,
            final_state_gradients=tuple(self.final[n] for n in cell.state_names),
            initial_state=tuple(self.states(self.place)[n] for n in cell.state_names),
            options={**self.options, "layer_skips": True},
        )
        first = trace.initial_state_gradient
        parts = first if isinstance(first, tuple) else (first,)
        return {
            **trace.parameter_gradients,
            "x": trace.input_gradients,
            **{f"initial {n}": p for n, p in zip(cell.state_names, parts, strict=True)},
        }


@every_cell
def test_the_sweep_is_the_derivative_of_the_forward_pass(
    name: str, options: Mapping[str, Any], rng: np.random.Generator
) -> None:
    scalar = Everything(name, options, rng)
    for part, gradient in scalar.gradients().items():
        u = rng.normal(size=gradient.shape)
        u[scalar.place[part] == 0] = 0  # rows of a second bias that are no parameters
        moved = [
            scalar.value({**scalar.place, part: scalar.place[part] + sign * STEP * u})
            for sign in (1, -1)
        ]
        found, expected = (moved[0] - moved[1]) / (2 * STEP), float(np.vdot(gradient, u))
        assert abs(found - expected) <= TOLERANCE * (1 + float(np.linalg.norm(gradient))), part


@every_cell
def test_a_loss_alone_is_one_row_of_the_stack(
    name: str, options: Mapping[str, Any], rng: np.random.Generator
) -> None:
    network = Network(
        make_cell(name, options=options), inputs=D, hidden=H, layers=S, outputs=3, dtype=np.float64
    )
    random_weights(network, rng)
    length = CHUNK + 5
    mask = np.zeros((length, B), bool)
    mask[-1] = True
    xs, targets = rng.normal(size=(length, B, D)), rng.integers(0, 3, (length, B))
    sweep = Sweep(network, length=length, batch=B)
    sweep.forward(Batch(xs, targets, mask), "cross_entropy", "sum")
    sweep.backward()
    ((_, row),) = sweep.stack(1).run(sweep.top_source, [length])
    np.testing.assert_allclose(row[:, 0], sweep.hidden_norms().means, rtol=0, atol=1e-12)


@every_cell
def test_small_adjoints_of_float32_are_those_of_float64(
    name: str, options: Mapping[str, Any], rng: np.random.Generator
) -> None:
    length = 5 * CHUNK
    means, rows = [], []
    weights: dict[str, np.ndarray] = {}
    xs, targets = rng.normal(size=(length, B, D)), rng.integers(0, 3, (length, B))
    mask = np.zeros((length, B), bool)
    mask[[length // 2, -1]] = True
    for dtype in (np.float64, np.float32):
        network = Network(
            make_cell(name, options=options), inputs=D, hidden=H, layers=S, outputs=3, dtype=dtype
        )
        if not weights:
            random_weights(network, rng, scale=0.02)
            weights = network.parameters()
        network.load(weights)
        sweep = Sweep(network, length=length, batch=B)
        sweep.forward(Batch(xs, targets, mask), "cross_entropy")
        sweep.backward()
        means.append(sweep.hidden_norms().means)
        ((_, row),) = sweep.stack(2).run(sweep.top_source, [length // 2 + 1, length])
        rows.append(row)
    # A relative error of 1e-7 a step adds up over the steps.
    np.testing.assert_allclose(means[1], means[0], rtol=0, atol=1e-4)
    np.testing.assert_allclose(rows[1], rows[0], rtol=0, atol=1e-4)
