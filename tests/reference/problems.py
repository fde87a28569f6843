"""Random problems on which a recurrent network's gradients are compared.

A problem holds arrays only, with parameters under PyTorch's names, so that every implementation
can take it. All weights are random and different: equal ones would hide a permuted gate.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.reference.cells import CELLS

Array = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A network, its data and the scalar that is differentiated."""

    cell: str
    activation: str | None
    layers: int
    hidden: int
    parameters: Mapping[str, Array]
    inputs: Array
    targets: NDArray[np.integer] | Array
    mask: NDArray[np.bool_]
    loss: str
    reduction: str = "mean"
    layer_skips: bool = False
    initial: Mapping[str, Array] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def all_options(self) -> dict[str, Any]:
        """The cell's options, with its defaults where the problem says nothing."""
        return {**CELLS[self.cell].defaults, **self.options}

    @property
    def length(self) -> int:
        """T, the number of time steps."""
        return int(self.inputs.shape[0])

    @property
    def batch(self) -> int:
        """B, the number of samples."""
        return int(self.inputs.shape[1])

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the parts of the recurrent state."""
        return CELLS[self.cell].states(self.all_options)

    @property
    def normalizer(self) -> float:
        """What the sum of the asked losses is divided by: M, or 1 for a sum."""
        return float(self.mask.sum()) if self.reduction == "mean" else 1.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a problem is made from. Equal recipes make equal problems."""

    cell: str = "elman"
    activation: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    layers: int = 1
    loss: str = "cross_entropy"
    asked: str = "every"
    reduction: str = "mean"
    layer_skips: bool = False
    bias_hh: bool = False
    bias: bool = True
    initial: bool = True
    length: int = 7
    batch: int = 3
    inputs: int = 2
    hidden: int = 4
    outputs: int = 3
    spread: float = 1.0

    def __str__(self) -> str:
        """Return the name of the test case: the network, and what else is not the default."""
        shown = [self.cell, *([self.activation] if self.activation else [])]
        shown += [f"{name}={value}" for name, value in self.options]
        shown += [str(self.layers), self.loss, self.asked]
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name not in NAMED_FIRST and value != entry.default:
                shown.append(f"{entry.name}={value}")
        return "-".join(shown)


NAMED_FIRST = ("cell", "activation", "options", "layers", "loss", "asked")


def make_problem(recipe: Recipe) -> Problem:
    """Draw the problem of a recipe, from a seed of its own.

    Returns:
        A problem in float64. `asked` is "last" (one loss, at T), "every" (a loss at each step of
        each sample) or "some" (a random mask, at least one loss a sample).
    """
    rng = np.random.default_rng(zlib.crc32(repr(recipe).encode()))
    shape = (recipe.length, recipe.batch)
    if recipe.loss == "cross_entropy":
        targets: Array | NDArray[np.integer] = rng.integers(0, recipe.outputs, shape)
    else:
        targets = rng.normal(size=(*shape, recipe.outputs))
    states = CELLS[recipe.cell].states(_all_options(recipe))
    per_state = (recipe.layers, recipe.batch, recipe.hidden)
    initial = {name: rng.uniform(-0.9, 0.9, per_state) for name in states}
    return Problem(
        cell=recipe.cell,
        activation=recipe.activation,
        layers=recipe.layers,
        hidden=recipe.hidden,
        parameters=_parameters(rng, recipe),
        inputs=rng.normal(size=(*shape, recipe.inputs)),
        targets=targets,
        mask=_mask(rng, recipe),
        loss=recipe.loss,
        reduction=recipe.reduction,
        layer_skips=recipe.layer_skips,
        initial=initial if recipe.initial else {},
        options=dict(recipe.options),
    )


def _all_options(recipe: Recipe) -> dict[str, Any]:
    return {**CELLS[recipe.cell].defaults, **dict(recipe.options)}


def _parameters(rng: np.random.Generator, recipe: Recipe) -> dict[str, Array]:
    bound = recipe.spread * 1.5 / np.sqrt(recipe.hidden)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(recipe.layers):
        width = recipe.inputs if layer == 0 else recipe.hidden
        of_layer = CELLS[recipe.cell].shapes(recipe.hidden, width, _all_options(recipe))
        if recipe.bias_hh:
            of_layer["bias_hh"] = of_layer["bias_ih"]
        for name, shape in of_layer.items():
            if recipe.bias or not name.startswith("bias"):
                shapes[f"{name}_l{layer}"] = shape
    shapes["readout.weight"] = (recipe.outputs, recipe.hidden)
    if recipe.bias:
        shapes["readout.bias"] = (recipe.outputs,)
    return {name: rng.uniform(-bound, bound, shape) for name, shape in shapes.items()}


def _mask(rng: np.random.Generator, recipe: Recipe) -> NDArray[np.bool_]:
    shape = (recipe.length, recipe.batch)
    if recipe.asked == "every":
        return np.ones(shape, bool)
    mask = np.zeros(shape, bool)
    if recipe.asked == "last":
        mask[-1] = True
        return mask
    mask = rng.random(shape) < 0.4
    mask[rng.integers(0, recipe.length, recipe.batch), np.arange(recipe.batch)] = True
    return mask


def relative_difference(ours: Array, theirs: Array) -> float:
    """Return max abs(ours − theirs) over max abs(theirs), per array.

    Where theirs is all zero ours must be, too: then 0, else infinity. NaN at the same places is
    agreement (what is not defined), NaN at others is not.
    """
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if ours.shape != theirs.shape or np.any(np.isnan(ours) != np.isnan(theirs)):
        return float("inf")
    defined = ~np.isnan(theirs)
    if not defined.any():
        return 0.0
    difference = float(np.max(np.abs(ours[defined] - theirs[defined])))
    scale = float(np.max(np.abs(theirs[defined])))
    if scale == 0.0:
        return 0.0 if difference == 0.0 else float("inf")
    return difference / scale
