"""What a statistic is: a name, its axes and scale, and how it is computed from one sweep.

A statistic's module is one docstring, one function and one `StatisticDefinition`. What the
docstring says under "Definition" and "How to read" is what the catalog serves, so the
explanation stands in one place. The function takes an observation (one sweep of one batch with
given weights) and returns an array without the step axis; a statistic whose function is None is
read from the training itself by the recorder.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from engine.activations import Activation
from engine.arrays import Array, BoolArray

Scale = Literal["log10", "ln", "plain", "counts"]
Coordinate = int | float | str
Coordinates = tuple[Coordinate, ...]

SECTIONS = (
    "Definition",
    "Reduction",
    "Axes",
    "Scale",
    "Range",
    "Cost",
    "How to read",
    "Exact cases",
    "Source",
)


class ObservedJacobians(Protocol):
    """Step Jacobians J_t of the whole state, of every layer."""

    @property
    def lyapunov(self) -> Array:
        """Lyapunov exponents of each sample, natural logs, [S, n, B]."""

    @property
    def log10_bounds(self) -> Array:
        """log10 of the bound on ‖J_t‖₂, [S]; NaN where there is none."""

    def log10_singular_values(self, times: tuple[int, ...]) -> Array:
        """Return log10 of the singular values of J_t, largest first, [S, times, n, B]."""

    def log10_product_norms(self, times: tuple[int, ...]) -> Array:
        """Return log10 of ‖∂s_T/∂s_k‖₂, [S, times, B]."""


class ObservedNetwork(Protocol):
    """The weights that were swept."""

    @property
    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of every parameter by its public name."""

    @property
    def backwards(self) -> Sequence[bool]:
        """Of each layer, whether it reads the sequence backwards."""

    def defined(self, times: Sequence[int], length: int) -> BoolArray:
        """Return which of the states 1 … T a loss at each of `times` may depend on, (S, R, T)."""

    def recurrent_blocks(self, layer: int) -> Mapping[str, Array]:
        """Return W_h of each gate of a layer that has one, as the sweeps multiply, (H, H)."""


class ObservedCell(Protocol):
    """The cell that was swept."""

    @property
    def gates(self) -> Sequence[str]:
        """Names of the gates, in the order of their blocks."""

    @property
    def activation(self) -> Activation:
        """The function φ of the (candidate's) pre-activation."""


class Observed(Protocol):
    """What statistics read: one sweep of one batch with given weights (`bptt.Observation`)."""

    @property
    def asked_times(self) -> tuple[int, ...]:
        """Times 1 … T at which the loss asks."""

    @property
    def network(self) -> ObservedNetwork:
        """The network that was swept."""

    @property
    def cell(self) -> ObservedCell:
        """The cell of every layer."""

    @property
    def layers(self) -> int:
        """Number of layers S, each direction counted."""

    @property
    def length(self) -> int:
        """Number of time steps T."""

    @property
    def log10_hidden_norms(self) -> Array:
        """log10 ‖dℓ/dh_t‖ of each sample, [S, T, B]."""

    @property
    def log10_hidden_norm_means(self) -> Array:
        """log10 of the mean over samples of ‖dℓ/dh_t‖, [S, T]."""

    @property
    def log10_immediate_norms(self) -> Array:
        """log10 of the immediate derivative's norm of each sample, [S, T, B]."""

    @property
    def log10_hidden_means(self) -> Array:
        """log10 of the mean over samples of |dℓ/dh_{t,i}|, [S, T, H]."""

    @property
    def gains(self) -> tuple[Array, BoolArray]:
        """Return ln of each step back's factors, [S, T, 5, B], and which samples they leave out."""

    @property
    def jacobians(self) -> ObservedJacobians:
        """Step Jacobians of every layer, and what is made of them."""

    @property
    def log10_cell_norms(self) -> Array:
        """log10 ‖dℓ/dc_t‖ of each sample, [S, T, B]; NaN where the cell names no such c."""

    @property
    def log10_output_norms(self) -> Array:
        """log10 ‖∂ℓ_t/∂y_t‖ of each sample, [T, B]."""

    @property
    def parameter_gradients(self) -> Mapping[str, Array]:
        """∂L/∂P of the batch by public name."""

    @property
    def gate_means(self) -> Array:
        """Mean over samples of every gate, [S, gates, T, H]."""

    @property
    def preactivations(self) -> Array:
        """(The candidate's) pre-activations a_1 … a_T, [S, T, B, H]."""

    def log10_path_norms(self, times: Sequence[int]) -> Array:
        """Return log10 ‖A_{t,k}(P)‖ of every parameter, [parameters, R, T]."""

    @property
    def activity(self) -> Array:
        """Hidden states h_1 … h_T, of complex ones the modulus, [S, T, B, H]."""

    @property
    def slopes(self) -> Array:
        """Slopes φ′ at the (candidate's) pre-activations, [S, T, B, H]."""

    @property
    def saturated_shares(self) -> Array:
        """Share of units and samples with φ′ < γ/10, [S, T]; NaN where one is not a number."""

    def slope_counts(self, bins: int) -> Array:
        """Return how many slopes lie in each of equal bins on [0, γ], [S, T, bins]."""

    def loss_state(self, times: Sequence[int] | None = None) -> Array:
        """Return log10 of the mean over samples of ‖dℓ_t/dh_k‖, [S, R, T], NaN if undefined."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AxisFacts:
    """What the coordinates of every axis follow from, known before anything runs."""

    layers: Coordinates
    length: int
    hidden_size: int
    gates: tuple[str, ...]
    parameters: tuple[str, ...]
    asked_times: tuple[int, ...]
    gamma: float
    state_size: int

    def coordinates(self, axis: str) -> Coordinates:
        """Return the coordinates of one of the axes that statistics share."""
        shared: dict[str, Coordinates] = {
            "layer": self.layers,
            "time": tuple(range(1, self.length + 1)),
            "state_time": tuple(range(1, self.length + 1)),
            "unit": tuple(range(self.hidden_size)),
            "rank": tuple(range(1, self.state_size + 1)),
            "gate": self.gates,
            "parameter": self.parameters,
        }
        return shared[axis]


Compute = Callable[[Observed], Array]
OwnCoordinates = Callable[[AxisFacts], Mapping[str, Coordinates]]


def no_own_coordinates(_facts: AxisFacts) -> Mapping[str, Coordinates]:
    """Return nothing: every axis of the statistic is a shared one."""
    return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class StatisticDefinition:
    """One statistic as the catalog lists it and as the recorder computes it.

    Attributes:
        axes: Names of the axes; the first is "step".
        doc: The module's docstring, with its sections.
        compute: From one sweep, without the step axis; None where the training itself tells.
        own_coordinates: Coordinates of the axes that no other statistic has.
        per_step: A row at every training step, not at every frame.
        always: Recorded whatever the configuration lists.
        held_out: Of the held-out set, which is a sweep of its own.
        of_update: Of the update that is made from the frame's weights.
        accompanies: The statistic with which it is recorded, whatever the configuration lists.
    """

    name: str
    title: str
    axes: tuple[str, ...]
    scale: Scale
    doc: str
    compute: Compute | None = None
    own_coordinates: OwnCoordinates = no_own_coordinates
    per_step: bool = False
    always: bool = False
    held_out: bool = False
    of_update: bool = False
    accompanies: str | None = None

    @property
    def meaning(self) -> str:
        """What the number is, from the module's docstring."""
        return section(self.doc, "Definition")

    @property
    def how_to_read(self) -> str:
        """How the number is to be read, from the module's docstring."""
        return section(self.doc, "How to read")

    def coordinates(self, facts: AxisFacts) -> dict[str, Coordinates]:
        """Return the coordinates of every axis but the training step."""
        own = self.own_coordinates(facts)
        return {
            axis: own[axis] if axis in own else facts.coordinates(axis) for axis in self.axes[1:]
        }


def section(doc: str, title: str) -> str:
    r"""Return the text under `title` of a statistic's docstring, on one line.

    Example:
        >>> section("Head.\n\nRange: [0,\n    1].\nSource: definition.\n", "Range")
        '[0, 1].'
    """
    collected: list[str] = []
    inside = False
    for line in doc.splitlines():
        head, colon, rest = line.partition(":")
        starts = bool(colon) and head in SECTIONS
        if starts:
            inside = head == title
        if inside:
            collected.append((rest if starts else line).strip())
    return " ".join(part for part in collected if part)
