"""Networks swept side by side: each as by itself, and none of them felt by another."""

from collections.abc import Sequence

import numpy as np
import pytest

from engine.arrays import Array
from engine.bptt.ensemble import EnsembleNetwork, EnsembleSweep
from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.bptt.tape import CHUNK
from engine.cells import CELLS, make_cell
from engine.errors import EngineError
from engine.tasks.base import Batch

T = 2 * CHUNK + 7
MEMBERS = 4
SCALES = {"vanishing": 0.02, "ordinary": 0.5, "exploding": 1.2}


class Together:
    """Random networks, side by side, and random data for them."""

    def __init__(
        self,
        cell: str,
        rng: np.random.Generator,
        *,
        samples: int = 2,
        layers: int = 1,
        scale: float = 0.5,
        dtype: type = np.float64,
        window: int | None = None,
        loss: str = "mean_squared_error",
        bias: bool = True,
        bidirectional: bool = False,
    ) -> None:
        self.samples, self.window, self.loss = samples, window, loss
        self.shape = {"inputs": 3, "hidden": 5, "outputs": 2, "layers": layers, "bias": bias}
        self.shape["bidirectional"] = bidirectional
        self.cell, self.dtype = make_cell(cell), dtype
        size = self.network().flat.size
        self.flat: Array = np.zeros((MEMBERS, size), dtype)
        self.gradient: Array = np.zeros((MEMBERS, size), dtype)
        self.networks = [self.network() for _ in range(MEMBERS)]
        for network, flat, gradient in zip(self.networks, self.flat, self.gradient, strict=True):
            network.load(_weights(network, rng, scale))
            network.move(flat, gradient)
        columns = MEMBERS * samples
        inputs: Array = rng.standard_normal((T, columns, 3)).astype(dtype)
        classes = loss == "cross_entropy"
        targets = rng.integers(0, 2, (T, columns)) if classes else rng.random((T, columns, 2))
        mask = rng.random((T, columns)) < 0.2
        mask[-1] = True
        self.batch = Batch(inputs, targets, mask)

    def network(self) -> Network:
        return Network(self.cell, dtype=self.dtype, **self.shape)  # type: ignore[arg-type]  # sizes by name

    def sweep(self, idle: Sequence[int] = ()) -> EnsembleSweep:
        """Sweep all of them at once."""
        ensemble = EnsembleNetwork(self.networks, self.flat, self.gradient, self.samples)
        ensemble.let_idle(idle)
        sweep = EnsembleSweep(ensemble, length=T, window=self.window)
        sweep.forward_members(self.batch, self.loss)
        sweep.backward()
        return sweep

    def alone(self, member: int) -> tuple[Sweep, Array]:
        """Sweep one of them by itself; return its gradient as well."""
        network = self.network()
        network.load(self.networks[member].parameters())
        columns = self.columns(member)
        batch = self.batch
        own = Batch(batch.inputs[:, columns], batch.targets[:, columns], batch.mask[:, columns])
        sweep = Sweep(network, length=T, batch=self.samples, window=self.window)
        sweep.forward(own, self.loss)
        sweep.backward()
        return sweep, network.gradient

    def columns(self, member: int) -> slice:
        """Return where a member's samples lie."""
        return slice(member * self.samples, (member + 1) * self.samples)


def _weights(network: Network, rng: np.random.Generator, scale: float) -> dict[str, Array]:
    weights: dict[str, Array] = {
        n: scale * rng.normal(size=s) for n, s in network.parameter_shapes.items()
    }
    for name, value in weights.items():
        if name.startswith("bias_hh"):
            value[: 2 * network.hidden] = 0
    return weights


def assert_each_as_alone(together: Together) -> None:
    """Hold every member's loss, gradient and norms against its sweep by itself."""
    sweep = together.sweep()
    norms = sweep.log10_hidden_norms
    gradients = together.gradient.copy()
    for member in range(MEMBERS):
        alone, gradient = together.alone(member)
        np.testing.assert_allclose(sweep.losses.value[member], alone.loss.value, rtol=1e-10)
        if sweep.losses.accuracy is not None:
            assert sweep.losses.accuracy[member] == alone.loss.accuracy
        largest = np.abs(gradient).max()
        np.testing.assert_allclose(gradients[member], gradient, rtol=1e-10, atol=1e-12 * largest)
        own = norms[:, :, together.columns(member)]
        np.testing.assert_allclose(own, alone.log10_hidden_norms, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@pytest.mark.parametrize("cell", CELLS)
def test_every_member_has_the_gradient_and_norms_of_its_own_sweep(
    cell: str, scale: float, samples: int, rng: np.random.Generator
) -> None:
    assert_each_as_alone(Together(cell, rng, scale=scale, samples=samples))


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_members_of_two_layers_have_their_own_gradients(
    cell: str, samples: int, rng: np.random.Generator
) -> None:
    assert_each_as_alone(Together(cell, rng, layers=2, scale=0.2, samples=samples))


@pytest.mark.parametrize("cell", ["elman", "lstm", "skip", "lem"])
def test_a_truncated_way_back_is_cut_for_every_member(cell: str, rng: np.random.Generator) -> None:
    assert_each_as_alone(Together(cell, rng, window=10))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", ["elman", "lstm", "lru"])
def test_members_that_read_both_ways_have_their_own_gradients(
    cell: str, layers: int, rng: np.random.Generator
) -> None:
    assert_each_as_alone(Together(cell, rng, layers=layers, scale=0.3, bidirectional=True))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("samples", [1, 2])
def test_members_have_losses_and_accuracies_of_their_own(
    samples: int, bias: bool, rng: np.random.Generator
) -> None:
    assert_each_as_alone(Together("gru", rng, loss="cross_entropy", samples=samples, bias=bias))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@pytest.mark.parametrize("cell", CELLS)
def test_an_idle_member_changes_no_bit_of_the_others(
    cell: str, scale: float, dtype: type, rng: np.random.Generator
) -> None:
    together = Together(cell, rng, scale=scale, dtype=dtype)
    before = together.sweep()
    losses, gradients = before.losses.value, together.gradient.copy()
    together.flat[1] = np.nan
    after = together.sweep(idle=[1])
    for member in (0, 2, 3):
        assert after.losses.value[member] == losses[member]
        np.testing.assert_array_equal(together.gradient[member], gradients[member])


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru", "indrnn", "skip"])
def test_a_neighbour_whose_gradient_vanishes_changes_no_bit(
    cell: str, samples: int, rng: np.random.Generator
) -> None:
    together = Together(cell, rng, dtype=np.float32, samples=samples)
    together.sweep()
    gradients = together.gradient.copy()
    together.flat[2] *= 1e-4
    together.sweep()
    assert not np.array_equal(together.gradient[2], gradients[2])
    for member in (0, 1, 3):
        np.testing.assert_array_equal(together.gradient[member], gradients[member])


def test_a_stack_over_members_side_by_side_is_refused_with_a_sentence(
    rng: np.random.Generator,
) -> None:
    sweep = Together("elman", rng, samples=1).sweep()
    with pytest.raises(EngineError, match="asked of an ensemble, whose members it would mix"):
        sweep.stack(3)
