"""Real observations of small networks with given or random weights."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.network import Network
from engine.bptt.observation import Observation
from engine.cells import CELLS, make_cell
from engine.cells.base import Cell
from engine.tasks.base import Batch

Observe = Callable[..., Observation]


def random_parameters(network: Network, rng: np.random.Generator) -> dict[str, Array]:
    parameters = {}
    for name, shape in network.parameter_shapes.items():
        value = rng.normal(size=shape) / np.sqrt(network.hidden)
        if name.startswith("bias_hh"):
            value[: 2 * network.hidden] = 0  # the GRU's second bias is that of n alone
        parameters[name] = value
    return parameters


def batch_of(
    rng: np.random.Generator,
    length: int,
    size: int,
    inputs: int,
    outputs: int,
    asked: Sequence[int],
) -> Batch:
    mask = np.zeros((length, size), dtype=bool)
    mask[[time - 1 for time in asked]] = True
    return Batch(
        inputs=rng.normal(size=(length, size, inputs)),
        targets=rng.normal(size=(length, size, outputs)),
        mask=mask,
    )


@pytest.fixture
def observe(rng: np.random.Generator) -> Observe:
    """Observe one sweep of a random batch by a network with random weights, some of them given."""

    def observed(
        cell: str | Cell = "elman",
        activation: str | Mapping[str, object] | None = "tanh",
        *,
        length: int = 7,
        size: int = 3,
        hidden: int = 4,
        layers: int = 1,
        asked: Sequence[int] | None = None,
        weights: Mapping[str, Array] | None = None,
        dtype: str = "float64",
        loss: str = "mean_squared_error",
    ) -> Observation:
        if isinstance(cell, str):
            cell = make_cell(cell, activation if CELLS[cell].activation_choice else None)
        network = Network(
            cell,
            inputs=2,
            hidden=hidden,
            layers=layers,
            outputs=3,
            dtype=np.dtype(dtype),
        )
        network.load(random_parameters(network, rng) | dict(weights or {}))
        batch = batch_of(rng, length, size, 2, 3, asked or (length,))
        return Observation(network, batch, loss)

    return observed
