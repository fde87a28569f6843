"""Takes path terms of a finished sweep apart; the equations are in chain.py."""

import math
from dataclasses import dataclass, field

import numpy as np

from engine.arrays import Array, BoolArray, IntArray
from engine.bptt.exponents import LARGEST_SHIFT, LOG10_2, NONE, log10_mean_norms
from engine.bptt.jacobians import Jacobians
from engine.bptt.stack import Visit
from engine.bptt.sweep import Sweep
from engine.errors import ConfigError, Problem, ShapeError, UnknownNameError
from engine.parameter_names import READOUT, READOUT_WEIGHT
from engine.tasks.base import Batch
from engine.tracing.chain import Chain, Factor, FactorName, Norm
from engine.tracing.factors import Logits, immediate_state, of_parameter
from engine.tracing.parameters import Piece, own_pieces

LARGEST_VALUE = 4096
"""Numbers up to which a factor's own are told, where the term is of one sample."""

LARGEST_WORK = 10**9
"""Products of three widths, over steps and samples, up to which step Jacobians are taken apart."""

MOST_WORK = 20 * LARGEST_WORK
"""The same of one sample: what takes longer is refused."""


@dataclass(kw_only=True, slots=True)
class ChainMaker:
    """Takes terms of a finished sweep apart.

    Attributes:
        sweep: Swept forward and back.
        samples: Which samples count: all, or one.
    """

    sweep: Sweep
    batch: Batch
    loss_time: int
    state_time: int
    parameter: str
    sample: int | None = None
    samples: slice = field(init=False)

    def __post_init__(self) -> None:
        """Refuse what is not there."""
        T, B = self.sweep.length, self.sweep.batch
        if not self.batch.mask.any():
            raise ShapeError("targets: expected some, a chain starts at a loss; got none")
        known = list(self.sweep.network.parameter_shapes)
        if self.parameter not in known:
            raise UnknownNameError("parameter", self.parameter, known)
        t = self.loss_time
        states = (t, T) if self.sweep.tapes[self.layer].reverse else (1, t)
        faults = [
            Problem(f"/{name}", f"expected a number in {first} … {last}, got {value}")
            for name, value, first, last in (
                ("loss_time", t, 1, T),
                ("state_time", self.state_time, *states),
                ("sample", self.sample, 0, B - 1),
            )
            if value is not None and not first <= value <= last
        ][:1]
        if not faults and self.of_readout and self.state_time != self.loss_time:
            told = f"the read-out's parameters act at the loss's own time, {self.loss_time}"
            faults.append(Problem("/state_time", f"{told}; got {self.state_time}"))
        if faults:
            raise ConfigError(faults)
        chosen = self.sample
        self.samples = slice(0, B) if chosen is None else slice(chosen, chosen + 1)

    @property
    def of_readout(self) -> bool:
        """Whether the parameter is the read-out's."""
        return self.parameter in READOUT

    @property
    def layer(self) -> int:
        """Layer of the parameter; the top one for the read-out's."""
        own, top = self.sweep.network.owner(self.parameter), len(self.sweep.tapes)
        return top - self.sweep.network.directions if own is None else own

    def make(self) -> Chain:
        """Return the chain."""
        with np.errstate(all="ignore"):  # weights of a run that explodes: what comes out is told
            logits = Logits.of(self.sweep, self.batch, self.loss_time)
            t, chosen = self.loss_time, self.samples
            norms, gradient = logits.log10_gradient_norms(), logits.gradient_by_prediction()
            factors = [
                self._factor("loss_by_prediction", t, "euclidean", norms[chosen], gradient[chosen]),
                self._matrix("prediction_by_logits", t, logits.slope),
            ]
            if self.of_readout:
                return self._of_readout(logits, factors)
            return self._of_layer(factors)

    def _of_readout(self, logits: Logits, factors: list[Factor]) -> Chain:
        by_parameter = logits.by_parameter(self.parameter == READOUT_WEIGHT)
        norms = np.log10(np.linalg.norm(by_parameter.reshape(len(by_parameter), -1), axis=1))
        t, chosen = self.loss_time, self.samples
        factors.append(
            self._factor("logits_by_parameter", t, "frobenius", norms[chosen], by_parameter[chosen])
        )
        term = np.einsum("bk,bk...->b...", logits.gradient * self._share, by_parameter)
        own = term[self.samples].sum(axis=0)
        return self._chain(factors, (), float(np.log10(np.linalg.norm(own))), own)

    def _of_layer(self, factors: list[Factor]) -> Chain:
        t, k, layer = self.loss_time, self.state_time, self.layer
        tape = self.sweep.tapes[layer]
        factors.append(self._matrix("logits_by_state", t, immediate_state(self.sweep, layer, t)))
        count, rows = self._jacobian_samples, range(tape.row_of(k) + 1, tape.row_of(t) + 1)
        steps = zip(rows, Jacobians(tape).steps(rows), strict=True)
        factors += reversed(
            [
                self._matrix("state_by_state", tape.row_of(row), jacobian, count)
                for row, jacobian in steps
            ]
        )
        norms, make = of_parameter(tape, self._pieces, self.parameter, tape.row_of(k))
        states = Jacobians(tape).size
        small = self._alone and states * self._parameter_size <= LARGEST_VALUE
        value = make()[self.samples] if small else None
        factors.append(
            self._factor("state_by_parameter", k, "frobenius", norms[self.samples], value)
        )
        arriving, log10_norm, term = self._swept(layer)
        return self._chain(factors, arriving, log10_norm, term)

    @property
    def _pieces(self) -> list[Piece]:
        return own_pieces(self.sweep.network, self.parameter)

    @property
    def _share(self) -> float:
        """What a sample's dℓ/d(Σ m e) counts for in the term."""
        loss = self.sweep.loss
        return loss.scale if self.sample is None else loss.sample_scale

    @property
    def _jacobian_samples(self) -> int:
        lag, B = abs(self.loss_time - self.state_time), len(range(*self.samples.indices(10**9)))
        width = len(self.sweep.network.cell.state_names) * self.sweep.network.hidden
        if lag * width**3 > MOST_WORK:
            told = f"{lag} Jacobians of {width} × {width} numbers are too many at once"
            raise ConfigError([Problem("/state_time", f"{told}; ask for a nearer one")])
        return int(np.clip(LARGEST_WORK // max(1, lag * width**3), 1, B))

    @property
    def _alone(self) -> bool:
        return self.sample is not None or self.sweep.batch == 1

    @property
    def _parameter_size(self) -> int:
        return math.prod(self.sweep.network.parameter_shapes[self.parameter])

    def _matrix(
        self, name: FactorName, time: int, matrices: Array, count: int | None = None
    ) -> Factor:
        """Return a factor of matrices (B, m, n), of so many samples at most."""
        chosen = matrices[self.samples][:count]
        return self._factor(name, time, "spectral", _log10_spectral(chosen), chosen)

    def _factor(
        self, name: FactorName, time: int, norm: Norm, logs: Array, values: Array | None
    ) -> Factor:
        """Return a factor whose logs and values are of the samples that count."""
        zero = np.isneginf(logs)
        told = values is not None and self._alone and values[0].size <= LARGEST_VALUE
        return Factor(
            name=name,
            time=time,
            norm=norm,
            log10_norm=-np.inf if zero.all() else float(np.mean(logs[~zero])),
            left_out=int(zero.sum()),
            value=np.array(values[0]) if told and values is not None else None,
        )

    def _swept(self, layer: int) -> tuple[tuple[tuple[int, float], ...], float, Array | None]:
        """Return what arrives at each state down to k, and the term: one row of a stack."""
        t, k, tape = self.loss_time, self.state_time, self.sweep.tapes[layer]
        loss, found, last = self.sweep.loss, {}, tape.row_of(k)
        own, kept = tape.cell.own_adjoints, []

        def keep(visit: Visit) -> None:
            if visit.layer != layer or visit.row < last:
                return
            span = tape.delta_rows.span(own[0], own[-1]) if own else None
            states = visit.incoming if span is None else visit.deltas[:, span]
            chosen = states[..., self.samples]
            squares = np.einsum("mhb,mhb->mb", chosen, chosen)
            found[visit.time] = log10_mean_norms(squares, visit.exponents[..., self.samples])[0]
            if visit.row == last:
                kept.append((np.array(visit.deltas[0]), np.array(visit.exponents[0])))

        if t in self.sweep.readout.rows:
            for _ in self.sweep.stack(1).run(self.sweep.top_source, [t], keep):
                pass
        scale = float(np.log10(loss.sample_scale))
        arriving = tuple((j, float(found.get(j, -np.inf)) + scale) for j in _between(t, k))
        if not kept:
            return arriving, -np.inf, None
        return arriving, *self._term(layer, *kept[0])

    def _term(self, layer: int, deltas: Array, exponents: IntArray) -> tuple[float, Array | None]:
        """Return log10 of the term's norm, and the term where it is small."""
        chosen = deltas[:, self.samples]
        known = np.where(np.any(chosen, axis=0), exponents[self.samples], NONE)
        largest = int(known.max())
        if largest == NONE:
            shape = self.sweep.network.parameter_shapes[self.parameter]
            return -np.inf, np.zeros(shape) if self._parameter_size <= LARGEST_VALUE else None
        near = np.zeros_like(deltas)
        near[:, self.samples] = np.ldexp(chosen, np.maximum(known - largest, -LARGEST_SHIFT))
        tape = self.sweep.tapes[layer]
        k = tape.row_of(self.state_time)
        _, make = of_parameter(tape, self._pieces, self.parameter, k, near[np.newaxis])
        term = make().sum(axis=0)[0]
        size = np.abs(term).max()
        unit = term / size if 0 < size < np.inf else term
        norm = np.linalg.norm(unit) * (size if unit is not term else 1)
        log = float(np.log10(norm) + LOG10_2 * largest + np.log10(self._share))
        if term.size > LARGEST_VALUE:
            return log, None
        return log, np.ldexp(term * self._share, max(largest, -LARGEST_SHIFT))

    def _chain(
        self,
        factors: list[Factor],
        arriving: tuple[tuple[int, float], ...],
        log10_norm: float,
        term: Array | None,
    ) -> Chain:
        t, k, window = self.loss_time, self.state_time, self.sweep.tapes[0].window
        small = term is not None and term.size <= LARGEST_VALUE
        past_the_state = np.isneginf(factors[-1].log10_norm) and not np.isneginf(log10_norm)
        return Chain(
            loss_time=t,
            state_time=k,
            parameter=self.parameter,
            layer=None if self.of_readout else self.sweep.network.axis[self.layer],
            samples=len(range(*self.samples.indices(self.sweep.batch))),
            jacobian_samples=self._jacobian_samples if t != k else 0,
            factors=tuple(factors),
            arriving=arriving,
            walls=tuple(j for j in range(k, t) if j % window == 0),
            is_product=len(self.sweep.tapes) - 1 in self.sweep.network.level(self.layer)
            and not past_the_state,
            log10_norm=log10_norm,
            value=term if small else None,
        )


def _between(t: int, k: int) -> range:
    """Return the times from t to k."""
    return range(t, k - 1, -1) if k <= t else range(t, k + 1)


def _log10_spectral(matrices: Array) -> Array:
    """Return log10 of the 2-norm of (B, m, n) matrices; −inf for zeros, NaN where not finite."""
    sizes = np.abs(matrices).max(axis=(1, 2))
    finite: BoolArray = np.asarray(np.isfinite(matrices).all(axis=(1, 2)))
    safe = np.where(finite & (sizes > 0), sizes, 1)
    near = np.where(
        finite[:, np.newaxis, np.newaxis], matrices / safe[:, np.newaxis, np.newaxis], 0
    )
    flat = near if near.shape[1] <= near.shape[2] else near.transpose(0, 2, 1)
    # The largest eigenvalue of the Gram is ‖·‖₂²; squares hurt only the small ones.
    squares = np.linalg.eigvalsh(flat @ flat.transpose(0, 2, 1))[:, -1]
    logs = 0.5 * np.log10(np.maximum(squares, 0)) + np.log10(safe)
    return np.where(finite, logs, np.nan)
