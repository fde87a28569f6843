"""One look at a network: a sweep of one batch, and whatever statistics ask of it.

Nothing is computed before it is asked for, and nothing twice. Public arrays are (S, T, B, …);
gradients are per sample (of ℓ), so B times those of L where the reduction is the mean.
"""

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from engine.arrays import Array, BoolArray
from engine.bptt.exponents import LARGEST_SHIFT, LOG10_2, NONE, WINDOWS
from engine.bptt.hidden_norms import HiddenNorms
from engine.bptt.network import Network
from engine.bptt.observed_jacobians import ObservedJacobians
from engine.bptt.observed_states import (
    by_unit,
    fill_slopes,
    gate_values,
    log10_cell_norms,
    preactivations,
    states_of,
)
from engine.bptt.observed_sweep import ObservedSweep
from engine.bptt.path_norms import PathNorms
from engine.bptt.saturated import saturated_shares
from engine.bptt.slope_counts import slope_counts
from engine.bptt.state_adjoints import LN_10, ln_norms
from engine.bptt.sweep import Sweep
from engine.tasks.base import Batch


class Observation(ObservedSweep):
    """A forward and backward sweep of `batch` through `network` as it is now.

    Attributes:
        batch: What was swept.
    """

    def __init__(
        self,
        network: Network,
        batch: Batch,
        loss: str,
        reduction: str = "mean",
        *,
        sweep: Sweep | None = None,
        asked_times: tuple[int, ...] | None = None,
    ) -> None:
        """Sweep once forward; backward when a gradient is first asked for.

        Args:
            network: Its weights as they are now.
            batch: What is swept.
            loss: The task's loss.
            reduction: "mean" or "sum".
            sweep: Buffers to sweep in, of this network and the batch's T and B; own ones where
                None. An observation is valid until its sweep is used again.
            asked_times: Times at which the task may ask, where a batch asks at some of them alone.
        """
        length, size = batch.inputs.shape[:2]
        self._asked_times, self.batch = asked_times, batch
        self.sweep = sweep or Sweep(network, length=length, batch=size)
        self.sweep.count_saturated()
        self.sweep.forward(batch, loss, reduction)

    @classmethod
    def of_sweep(
        cls, sweep: Sweep, batch: Batch, *, asked_times: tuple[int, ...] | None = None
    ) -> "Observation":
        """Return an observation of a sweep that was already made, forward and back.

        It is valid until the sweep is used again.

        Raises:
            EngineError: The sweep keeps the steps of one segment alone.
        """
        sweep.tapes  # noqa: B018  (refused where they do not hold every step)
        observation = cls.__new__(cls)
        observation._asked_times, observation.batch = asked_times, batch
        observation.sweep = observation.__dict__["_swept_back"] = sweep
        observation.__dict__["_gradient"] = sweep.network.gradient
        return observation

    def _sweep_back(self, *, weights: bool = False) -> Array:
        """Sweep back; return dL/dflat, that of the layers only where `weights` are wanted."""
        # The training step's own gradient stays what it was: looking changes nothing.
        kept = self.network.gradient.copy()
        self.sweep.keep_carried()
        self.sweep.add_gradients(weights)
        self.sweep.backward()
        self.sweep.add_gradients()
        found = self.network.gradient.copy()
        self.network.gradient[...] = kept
        return found

    @cached_property
    def _gradient(self) -> Array:
        # Few statistics ask for it: without, the sweep back that all others need is cheaper.
        return self._sweep_back(weights=True)

    @cached_property
    def _swept_back(self) -> Sweep:
        self._sweep_back()
        return self.sweep

    @cached_property
    def gains(self) -> tuple[Array, BoolArray]:
        """Return ln of each step back's factors, (S, T, 5, B), and which samples they leave out."""
        found = self._with_carries.gains()
        in_time = self.sweep.in_time
        return in_time(g.factors for g in found), in_time(g.left_out for g in found)

    @property
    def _with_carries(self) -> Sweep:
        # A training's own sweep keeps them where a frame is due, and not where it diverges.
        if not self._swept_back.keeps_carried:
            self._sweep_back()
        return self.sweep

    @cached_property
    def jacobians(self) -> ObservedJacobians:
        """Step Jacobians of every layer, and what is made of them."""
        return ObservedJacobians(self.sweep.tapes)

    @property
    def log10_cell_norms(self) -> Array:
        """log10 ‖dℓ/dc_t‖, (S, T, B); NaN where the cell declares no `cell_delta`."""
        sweep = self._with_carries
        scale = math.log10(sweep.loss.sample_scale)
        return log10_cell_norms(sweep.backward_layers) + scale

    @property
    def log10_output_norms(self) -> Array:
        """log10 of ‖∂ℓ_t/∂y_t‖, (T, B); −inf where nothing is asked."""
        readout = self._swept_back.readout
        found = np.full((self.length, self.size), -np.inf)
        norms = ln_norms(readout.dy, np.zeros((len(readout.rows), self.size), np.int32))
        found[np.array(readout.rows) - 1] = norms / LN_10
        return found + math.log10(self.sweep.loss.sample_scale)

    @property
    def parameter_gradients(self) -> dict[str, Array]:
        """∂L/∂P of this batch by public name."""
        return self.network.named(self._gradient)

    def log10_path_norms(self, times: Sequence[int]) -> Array:
        """Return log10 ‖A_{t,k}(P)‖ of every parameter for loss times t, (parameters, R, T).

        NaN where k > t, and for the read-out where k ≠ t.
        """
        sweep = self._swept_back
        return PathNorms(sweep, times).run() + math.log10(sweep.loss.scale)

    @property
    def gate_means(self) -> Array:
        """Mean over samples of every gate, (S, gates, T, H)."""
        found = np.empty((self.layers, len(self.cell.gates), self.length, self.hidden_size))
        for layer, tape in enumerate(self.sweep.tapes):
            for gate, values in enumerate(gate_values(tape)):
                found[layer, gate] = tape.in_time(values.mean(axis=-1))
        return found

    @property
    def preactivations(self) -> Array:
        """Pre-activations a_t (of the candidate), (S, T, B, H)."""
        found = self.sweep.in_time(preactivations(tape) for tape in self.sweep.tapes)
        return found.transpose(0, 1, 3, 2)

    @cached_property
    def asked_times(self) -> tuple[int, ...]:
        """Times 1 … T at which the loss asks, or where gradients stood in for it at the outputs."""
        if self._asked_times is not None:
            return self._asked_times
        asked = self.batch.mask.any(axis=1)
        if not asked.any():  # injected gradients: every step has a row, zero where nothing came
            asked = np.any(self._swept_back.readout.dy, axis=(1, 2))
        return tuple((np.flatnonzero(asked) + 1).tolist())

    @cached_property
    def _hidden_norms(self) -> HiddenNorms:
        return self._swept_back.hidden_norms()

    @property
    def log10_hidden_norms(self) -> Array:
        """log10 ‖dℓ/dh_t‖, (S, T, B); −inf is an exact zero."""
        return self._hidden_norms.each

    @property
    def log10_hidden_norm_means(self) -> Array:
        """log10 of the mean over samples of ‖dℓ/dh_t‖, (S, T)."""
        return self._hidden_norms.means

    @cached_property
    def log10_immediate_norms(self) -> Array:
        """log10 of the norm of the immediate dℓ_t/dh_t, (S, T, B)."""
        return self._swept_back.log10_immediate_norms

    @cached_property
    def log10_hidden_means(self) -> Array:
        """log10 of the mean over samples of |dℓ/dh_{t,i}|, (S, T, H).

        Entries below the resolution of their row (layer, time) are stored as that floor;
        −inf stands only where the whole row is exactly zero. Where units never mix there is no
        floor: every entry has an exponent of its own, and −inf is an exact zero of the entry.
        """
        sweep = self._swept_back
        scale = math.log10(sweep.loss.sample_scale / self.size)
        floor = WINDOWS[self.network.dtype].resolution * LOG10_2
        means = np.empty((self.layers, self.length, self.hidden_size))
        for index, layer in enumerate(sweep.backward_layers):
            if layer.entries is not None:
                means[index] = layer.entries.log10_unit_means() + math.log10(self.size)
                continue
            exponents = layer.state_exponents
            largest = exponents.max(axis=1)
            one = self.network.dtype.type(1)
            weights = np.ldexp(one, np.maximum(exponents - largest[:, None], -LARGEST_SHIFT))
            magnitudes = by_unit(layer.state_adjoints, 1, self.hidden_size)
            sums = np.matmul(magnitudes, weights[:, :, None])[..., 0]
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = np.log10(sums, dtype=np.float64)
            logs += LOG10_2 * np.where(largest == NONE, 0, largest)[:, None]
            rows = logs.max(axis=1, keepdims=True)
            means[index] = np.where(np.isfinite(rows), np.maximum(logs, rows + floor), logs)
        return self.sweep.in_time(means) + scale

    @cached_property
    def hidden(self) -> Array:
        """States h_t, (S, T, B, H); of a state of two parts that is no output (S, T, B, 2H)."""
        parts = max(1, len(self.cell.state_totals))
        found = self.sweep.room("hidden", parts)
        for states, tape in zip(found, self.sweep.tapes, strict=True):
            np.copyto(states, tape.in_time(states_of(tape)))
        return found.transpose(0, 1, 3, 2)

    @cached_property
    def activity(self) -> Array:
        """h_t, or the modulus |h_t| of a complex state, (S, T, B, H)."""
        if self.cell.state_totals:
            return by_unit(self.hidden, 3, self.hidden_size)
        if self.layers > 1:
            return self.hidden
        # Where they lie: a copy costs as much as their mean.
        (tape,) = self.sweep.tapes
        states = tape.in_time(states_of(tape))[np.newaxis].transpose(0, 1, 3, 2)
        states.setflags(write=False)
        return states

    @cached_property
    def slopes(self) -> Array:
        """φ′ at the (candidate's) pre-activation, (S, T, B, H); NaN where that is not a number."""
        found = self.sweep.room("slopes")
        for slopes, tape in zip(found, self.sweep.tapes, strict=True):
            fill_slopes(tape, slopes)
        return found.transpose(0, 1, 3, 2)

    @property
    def saturated_shares(self) -> Array:
        """Share of units and samples whose φ′ is small, (S, T); NaN where a φ is."""
        return saturated_shares(self.sweep.tapes)

    def slope_counts(self, bins: int) -> Array:
        """Return how many slopes lie in each of equal bins on [0, γ], (S, T, bins)."""
        return slope_counts(self.sweep.tapes[0], self.slopes, bins)

    def loss_state(self, times: Sequence[int] | None = None) -> Array:
        """Return log10 of the mean over samples of ‖dℓ_t/dh_k‖.

        Args:
            times: Loss times t (1 … T), ascending; None for all.

        Returns:
            (S, R, T), NaN where not defined (k > t), −inf where exactly zero (also where t is not
            asked).
        """
        rows = list(range(1, self.length + 1)) if times is None else list(times)
        self._add_rows([row for row in rows if row not in self._rows])
        return np.stack([self._rows[row] for row in rows], axis=1)

    @cached_property
    def _rows(self) -> dict[int, Array]:
        """Rows of the loss-state matrix that were made, (S, T) each."""
        return {}

    def _add_rows(self, rows: list[int]) -> None:
        if not rows:
            return
        sweep = self._swept_back
        scale = math.log10(sweep.loss.sample_scale)
        defined = self.network.defined(rows, self.length)
        for first, norms in sweep.stack(len(rows)).run(sweep.top_source, rows):
            for offset, row in enumerate(rows[first : first + norms.shape[1]]):
                found = norms[:, offset] + scale
                found[~defined[:, first + offset]] = np.nan
                self._rows[row] = found
