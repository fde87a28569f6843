"""What a recurrent cell is: names of row blocks, and stages of matrix products and functions.

A cell is written once, for one time step, elementwise. It never sees a weight matrix, a time
index, a loss, another layer, or how many adjoints are swept at once.

Layout. Every array is feature-first, [..., rows, B]: the last axis is the batch, the one before
it holds blocks of H rows, one block a name, in the order that the cell declares. Neighbours by
name are one operand: `now["f":"i"]` is [..., 2, H, B], `now["o"]` is [..., H, B]. What stands in
front of the rows is free: nothing (one step), a chunk of steps, or a stack of adjoints.

    inputs   row t: what the products of step t read: states of the step before, x_t, and 1
    tape     row t: gates of step t, and states that no product reads (c_{t−1})
    slopes   local derivatives of one step, filled by `linearize`, by names of the cell's own
    deltas   δ at the gates, and adjoints carried to the step before under the state's own name
    scratch  room for what is made on the way: zeros at first, the same memory at every step

A block of the inputs other than x and 1 holds the state of its name after step t−1, or says in
`lags` what else: lag s the output after step t−s, put there by the sweep; lag 0 what an earlier
stage of step t writes to `now`. A state that a later stage reads renewed is two blocks: itself in
the tape, and its copy of lag 0. Inputs, tape and elementwise parameters share no name.

A step is one stage or several. A stage is its products and then its elementwise part; on the way
back the stages run last first, all on the same deltas, so that one may add to what a later one
wrote. A product's adjoint Wᵀδ goes to the blocks that it reads.

    step_views(now, after, scratch)       at binding: the arrays that `step` takes, in its order
    step(*those)                          gates in place, the new state into the row after
    linearize(now, after, slopes)         all local derivatives of a chunk of steps, all stages
    local_views(slopes)                   at binding: `local` of `step_back`
    adjoint_views(incoming, deltas)       at binding: `adjoint` of `step_back`
    step_back(local, adjoint)             deltas = adjoints × slopes; linear in the adjoints

`now` is row t of inputs and tape, `after` row t + 1: `now["h"]` is h_{t−1}, `after["h"]` is h_t.
A step finds the pre-activation a in each block of `out`, a/2 where it is `halved`; δ is ∂ℓ/∂a.
`incoming` names the adjoints of the states after the step: of one that products read the total,
of one in the tape what the step after carried, of a block of lag 0 what later stages returned. A
carried adjoint may lie where `deltas` has the block of its name: read it before writing that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol

from engine.activations import Activation
from engine.arrays import Array
from engine.cells.weight_maps import WeightMap
from engine.initializers import FollowingStart, KeepGate, OwnStart
from engine.schema import Described

ArrayTuple = tuple[Array, ...]

FROM_OUTSIDE = ("x", "one")
"""Blocks of the inputs that hold no state: x_t, and the 1 that biases are multiplied by."""


class Views(Protocol):
    """Row blocks of an array by name: a name gives [..., H, B], a slice [..., n, H, B]."""

    def __getitem__(self, key: Any) -> Array:  # noqa: ANN401  (a str or a slice of str)
        """Return the block or the run of neighbouring blocks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One product of weights with what a step reads.

    Attributes:
        out: Gate blocks it writes, neighbours in memory: of the tape's row t, or, where the name
            is one of the inputs' blocks, of the inputs' row t + 1.
        back: Blocks of the deltas that return through it, neighbours, in the order of `out`.
        reads: Blocks of the inputs that it reads, neighbours, in the order of `inputs`. One that
            reads x, 1 or both alone is done for all steps at once.
        closed: Pairs (of `out`, of `reads`) that stay zero. Every other pair has to be in just one
            parameter, a gate's or one of `matrices`: one that is in none is trained unseen.
        at_end: Whether no step reads what it writes: done for all steps at once after the last.
    """

    out: tuple[str, ...]
    back: tuple[str, ...]
    reads: tuple[str, ...] = ("h", *FROM_OUTSIDE)
    closed: frozenset[tuple[str, str]] = frozenset()
    at_end: bool = False

    @property
    def states_read(self) -> tuple[str, ...]:
        """Blocks that it reads and returns an adjoint to: all but x and 1."""
        return tuple(name for name in self.reads if name not in FROM_OUTSIDE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Products, and the elementwise part after them, forward and back.

    Attributes:
        products: What is multiplied before `step`, and returned after `step_back`.
        step: None where the products' outputs are all that it makes.
    """

    products: tuple[Product, ...]
    step: Callable[..., object] | None
    step_views: Callable[[Views, Views, Views], ArrayTuple]
    local_views: Callable[[Views], ArrayTuple]
    adjoint_views: Callable[[Views, Views], ArrayTuple]
    step_back: Callable[[ArrayTuple, ArrayTuple], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One recurrent cell, bound to its activation and options.

    Attributes:
        gates: Public block order of W_x, W_h, b, not that in memory; W_h has `recurrent_gates`.
        stages: Parts of a step, in order.
        linearize: All local derivatives of all stages.
        inputs: Names of what products read, in memory order, x and one always among them.
        lags: Of blocks of the inputs that hold no state of the step before: s, or 0.
        output: Block of the inputs that products, the read-out and the next layer read.
        states: Recurrent states in the order of J_t's rows, h first: the output, where that is one.
        weights: The out blocks that hold a public gate's W_x, W_h, b rows, where they are not the
            block of its name; W_h meets the first of `reads` but x and 1, be it of lag 0.
        matrices: Further (H, H) or (H, D) parameters: name -> the out block and what it reads.
        diagonals: Elementwise parameters (H,): `now[name]` and `after[name]`, no other views, are
            (H, 1), in an ensemble (H, B): broadcast them; the way back has what `linearize` copies.
        derived: Further such arrays, which `derive` fills from them whenever they change.
        weight_map: What every gate's W_h is of the one stored weight_hh, (H, H); None where
            weight_hh is W_h.
        tape, slopes, deltas, scratch: Names of the row blocks, in memory order.
        halved: Out blocks whose forward weights are halved, for σ(x) = ½ tanh(x/2) + ½.
        carries: States with a path to the step before beside products: blocks of the deltas.
        state_delta: Block of the deltas that is dℓ/dh where h is in the tape and φ(h) the output.
        cell_delta: Block of the deltas, not the carried one, that is the total dℓ/dc_t; or None.
        state_totals: Blocks of the deltas, neighbours, that are the total adjoints of `states`
            after the step, where the output is no state: one, or the two parts of complex ones.
        gain: Where units never mix on the way back, the blocks of the slopes that are each unit's
            own path through one step: one, or the real and the imaginary part.
        read_signs: With what sign the product at the end reads each of `states`, beside `gain`.
        fed_back_by: The elementwise parameter in the place of W_h that a state reaches the next
            through alone; None where there is none, or another way beside it.
        candidate: Block, of the tape or of the state after, that is φ(a) of its pre-activation a.
        candidate_sum: Two blocks before the step whose elementwise product is added to what the
            candidate's matrix product gives, to make its pre-activation; None where that is all.
        activation: φ of that candidate.
        bound: Bound on ‖J_t‖₂ given the 2-norm of the recurrent weights; None where there is none.
    """

    name: str
    gates: tuple[str, ...]
    stages: tuple[Stage, ...]
    linearize: Callable[[Views, Views, Views], None]
    activation: Activation
    candidate: str
    slopes: tuple[str, ...]
    deltas: tuple[str, ...]
    inputs: tuple[str, ...] = ("h", *FROM_OUTSIDE)
    lags: Mapping[str, int] = field(default_factory=dict)
    tape: tuple[str, ...] = ()
    scratch: tuple[str, ...] = ()
    halved: tuple[str, ...] = ()
    carries: tuple[str, ...] = ()
    output: str = "h"
    states: tuple[str, ...] = ("h",)
    state_delta: str | None = None
    cell_delta: str | None = None
    fed_back_by: str | None = None
    candidate_sum: tuple[str, str] | None = None
    bound: Callable[[float], float] | None = None
    state_totals: tuple[str, ...] = ()
    gain: tuple[str, ...] = ()
    read_signs: tuple[int, ...] = ()
    weights: Mapping[str, "GateRows"] = field(default_factory=dict)
    matrices: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    diagonals: Mapping[str, "Diagonal"] = field(default_factory=dict)
    derived: tuple[str, ...] = ()
    derive: Callable[[Views], None] | None = None
    weight_map: WeightMap | None = None

    @property
    def products(self) -> tuple[Product, ...]:
        """Products of all stages, in order."""
        return tuple(product for stage in self.stages for product in stage.products)

    @property
    def own_adjoints(self) -> tuple[str, ...]:
        """Blocks of the deltas, neighbours, that are dℓ/dh; none where the output's adjoint is."""
        return self.state_totals if self.state_delta is None else (self.state_delta,)

    @property
    def recurrent_gates(self) -> tuple[str, ...]:
        """Those of `gates` that have a W_h: whose product reads a state."""
        reading = {block for p in self.products if p.states_read for block in p.out}
        return tuple(gate for gate in self.gates if self.gate_rows(gate).h in reading)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Every state of a step: those of `states`, then earlier outputs, h_1 = h_{t−1} first."""
        furthest = max(self.lags.values(), default=0)
        return (*self.states, *(f"h_{back}" for back in range(1, furthest)))

    @property
    def read_states(self) -> tuple[str, ...]:
        """Blocks of the inputs that adjoints return to; those made in this step stand last."""
        names = [name for name in self.inputs if name not in FROM_OUTSIDE]
        return tuple(sorted(names, key=lambda name: self.lags.get(name) == 0))

    def gate_rows(self, gate: str) -> "GateRows":
        """Return which out blocks hold the public gate's weights."""
        return self.weights.get(gate, GateRows(gate, gate, gate))


@dataclass(frozen=True, slots=True)
class Diagonal:
    """Where the gradient of an elementwise parameter comes from: Σ δ ⊙ what it multiplied.

    Attributes:
        delta: Block of the deltas.
        read: Block of inputs or tape that the parameter multiplies; "one" for 1, biases or not.
        after: Whether it is read after the step (row t + 1) instead of before it.
    """

    delta: str
    read: str
    after: bool = False


@dataclass(frozen=True, slots=True)
class GateRows:
    """Out blocks that hold a gate's rows of W_x, W_h, b and, if any, of a second bias (b_hn)."""

    x: str
    h: str
    b: str
    second_bias: str | None = None


PLAIN_PARAMETERS: Mapping[str, str] = MappingProxyType(
    {"weight_ih": "G·H × D", "weight_hh": "G·H × H", "bias_ih": "G·H"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CellOptions(Described):
    """Options of a cell's own. Each cell that has some adds its own; this one leaves them all."""

    title: ClassVar[str] = "Cell options"
    purpose: ClassVar[str] = "Options of the cell's own."


@dataclass(frozen=True, kw_only=True, slots=True)
class NoOptions(CellOptions):
    """The options of a cell that has none."""

    purpose: ClassVar[str] = "This cell has no options of its own."


class CellVariant(NamedTuple):
    """Gates, and formulas of the parameters' shapes, that a cell has with these options."""

    options: Mapping[str, object]
    gates: tuple[str, ...]
    parameters: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class CellDefinition:
    """A cell's entry in the registry.

    Attributes:
        activation_choice: Whether φ can be chosen; where not, `default_activation` is fixed.
        make: Binds the cell to an activation and to its options, an instance of `options`.
        options: What can be chosen besides the activation.
        parameters: Formula of each parameter's shape, for the catalog.
        variants: Where options change gates or parameters: what they are then.
        keep_gate: The gate whose bias `forget_bias` sets; None where no gate keeps the memory.
        following_starts: Parameters that start as functions of those of the layer before them.
        own_starts: How `matrices`, `diagonals`, … start; like the above by name without the layer.
    """

    name: str
    title: str
    summary: str
    equations: tuple[str, ...]
    source: str
    gates: tuple[str, ...]
    activation_choice: bool
    default_activation: str
    make: Callable[[Activation, Any], Cell]
    options: type[CellOptions] = NoOptions
    # A factory: Python 3.11 takes no mapping proxy as a default.
    parameters: Mapping[str, str] = field(default_factory=lambda: PLAIN_PARAMETERS)
    variants: tuple[CellVariant, ...] = ()
    keep_gate: KeepGate | None = None
    own_starts: Mapping[str, OwnStart] = field(default_factory=dict)
    following_starts: Mapping[str, FollowingStart] = field(default_factory=dict)
