"""The network of a run: cell, sizes, activation, and how its weights start."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval, Len

from engine.activations import ACTIVATIONS, LEAKY_SLOPE
from engine.arrays import layer_axis
from engine.cells import CELLS, Cell, CellOptions, make_cell
from engine.errors import Problem
from engine.initializers import (
    INITIALIZERS,
    IdentityInitializer,
    InitializerOptions,
    PytorchInitializer,
    Start,
)
from engine.schema import Depends, Described, Doc, Kinds, Names

Initializer = Annotated[InitializerOptions, Kinds("initializer", lambda: INITIALIZERS)]


@dataclass(frozen=True, kw_only=True, slots=True)
class LeakyRelu(Described):
    """Options of the leaky ReLU."""

    title: ClassVar[str] = "Leaky ReLU"
    purpose: ClassVar[str] = "max(a, s·a): the slope of negative units is s instead of zero."

    kind: Literal["leaky_relu"] = "leaky_relu"
    slope: Annotated[float, Interval(ge=0, lt=1), Doc("Slope s of negative units.")] = LEAKY_SLOPE


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig(Described):
    """The network of a run."""

    title: ClassVar[str] = "Model"
    purpose: ClassVar[str] = "The recurrent network and how its weights start."

    cell: Annotated[
        str,
        Names("cell", lambda: tuple(CELLS)),
        Doc("The recurrence: what h_t is made of."),
    ]
    hidden_size: Annotated[
        int, Interval(ge=1, le=4096), Doc("Units H of each layer.", title="Hidden size")
    ] = 64
    layers: Annotated[
        int, Interval(ge=1, le=8), Doc("Recurrent layers, each reading the one below.")
    ] = 1
    bidirectional: Annotated[
        bool,
        Doc("Read the sequence backwards too: each layer twice, what is above reads both."),
    ] = False
    layer_skips: Annotated[
        bool,
        Doc("Add the input of each layer to its output where the widths agree."),
    ] = False
    bias: Annotated[bool, Doc("Whether layers and read-out have a bias.")] = True
    activation: Annotated[
        Annotated[str, Names("activation", lambda: tuple(ACTIVATIONS))] | LeakyRelu | None,
        Doc("φ of the cell, where the cell does not fix it. Left empty: the cell's own."),
    ] = None
    options: Annotated[
        CellOptions,
        Depends("cell", lambda: {name: cell.options for name, cell in CELLS.items()}),
        Doc("Options of the cell's own."),
    ] = field(default_factory=CellOptions)
    initializer: Annotated[
        Initializer, Doc("How each gate's block of the recurrent weights, and the bias, start.")
    ] = field(default_factory=PytorchInitializer)
    input_initializer: Annotated[
        Initializer | None,
        Doc(
            "How each gate's block of the input weights starts. Left empty: `identity` "
            "beside the identity initializer, else `pytorch`."
        ),
    ] = None
    spectral_radius: Annotated[
        Annotated[float, Interval(gt=0, le=100)] | None,
        Doc("Rescale each gate's block of the recurrent weights to this; left empty: as they are."),
    ] = None
    forget_bias: Annotated[
        Annotated[float, Interval(ge=-100, le=100)] | Literal["chrono"] | None,
        Doc(
            "What the bias of the gate that keeps the memory starts from, positive keeps: a "
            "number, or `chrono` for lasting times spread over the whole sequence. Left empty: "
            "as the others.",
            title="Forget-gate bias",
        ),
    ] = None
    from_model: Annotated[
        Annotated[str, Len(1, 64)] | None,
        Doc("An uploaded model whose weights are the first ones, in place of drawn ones."),
    ] = None

    def completed(self) -> Mapping[str, object]:
        """Fill the activation and the input initializer, which follow from cell and initializer."""
        filled: dict[str, object] = {}
        definition = CELLS[self.cell]
        if self.activation is None and definition.activation_choice:
            filled["activation"] = definition.default_activation
        elif self.activation == "leaky_relu":
            filled["activation"] = LeakyRelu()
        if self.input_initializer is None:
            irnn = isinstance(self.initializer, IdentityInitializer)
            filled["input_initializer"] = IdentityInitializer() if irnn else PytorchInitializer()
        return filled

    def rules(self) -> Iterator[Problem]:
        """Yield what does not hold between the fields."""
        definition = CELLS[self.cell]
        if self.activation is not None and not definition.activation_choice:
            detail = f"the cell {self.cell} fixes its activation: expected null"
            yield Problem("/activation", detail)
        if self.spectral_radius is not None:
            if "weight_hh" not in definition.parameters:
                detail = f"the cell {self.cell} has no recurrent matrix: expected null"
                yield Problem("/spectral_radius", detail)
            elif "weight_hh" in definition.own_starts:
                detail = f"the cell {self.cell} starts its recurrent matrix by a rule of its own"
                yield Problem("/spectral_radius", f"{detail}: expected null")
        if self.forget_bias is not None:
            if definition.keep_gate is None:
                having = ", ".join(name for name, entry in CELLS.items() if entry.keep_gate)
                detail = f"the cell {self.cell} has no forget gate: expected null, or one of the "
                yield Problem("/forget_bias", f"{detail}cells {having}")
            elif not self.bias:
                yield Problem("/forget_bias", "without a bias there is none to set: expected null")

    def activation_choice(self) -> str | Mapping[str, object] | None:
        """Return the activation as `make_cell` takes it."""
        if isinstance(self.activation, LeakyRelu):
            return self.activation.to_dict()
        return self.activation

    def make_cell(self) -> Cell:
        """Return the cell, bound to its activation and options."""
        return make_cell(self.cell, self.activation_choice(), self.options)

    @property
    def layer_axis(self) -> tuple[int | str, ...]:
        """Coordinates of the layer axis."""
        return layer_axis(self.layers, self.bidirectional)

    @property
    def top_entry(self) -> int:
        """Where on the layer axis, from its end, the top layer is: of two directions ahead."""
        return -2 if self.bidirectional else -1

    def start(self) -> Start:
        """Return how the weights start."""
        return Start(
            recurrent=self.initializer,
            inputs=self.input_initializer or PytorchInitializer(),
            spectral_radius=self.spectral_radius,
            forget_bias=self.forget_bias,
            options=self.options,
        )
