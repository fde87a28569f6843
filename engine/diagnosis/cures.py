"""What acts on each kind of trouble: titles, reasons, and the changes of a configuration.

What helps is the literature's: other activations (ReLU with the identity matrix: Le, Jaitly &
Hinton 2015), orthogonal weights (Saxe, McClelland & Ganguli 2014), skips through time (Lin et
al. 1996), gates (Hochreiter & Schmidhuber 1997) with biases for the lag (Tallec & Ollivier 2018),
clipping (Pascanu, Mikolov & Bengio 2013) and a smaller or scheduled learning rate.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from engine.cells import CELLS, make_cell

SMALLER = 0.1
"""Factor of a learning rate, or of weights, that were too large."""

SOUND_RATES: Mapping[str, float] = MappingProxyType({"sgd": 0.1, "adagrad": 0.1})
"""Learning rates from which one can go down; what adapts its steps otherwise starts at SOUND."""

SOUND = 0.01

INSIDE = 0.95
"""Spectral radius at which a linear network forgets within some twenty steps."""

LARGER = 10.0
"""Factor of a learning rate, or of a threshold, that was too small."""

Changes = Mapping[str, object]
"""Pointers into a configuration, without the first slash, and what to put there."""

Cure = tuple[str, str, Changes]
"""Title, why, changes."""

SIZES = ("gain", "limit", "deviation")
"""Options of which one sets the size of what an initializer draws."""

LSTM: Changes = MappingProxyType(
    {
        "model/cell": "lstm",
        "model/activation": None,
        "model/options": {},
        "model/initializer": {"kind": "orthogonal"},
        "model/input_initializer": None,
        "model/spectral_radius": None,
        "model/forget_bias": "chrono",
    }
)
IRNN: Changes = MappingProxyType(
    {
        "model/activation": "relu",
        "model/initializer": {"kind": "identity"},
        "model/input_initializer": {"kind": "identity"},
        "model/spectral_radius": None,
    }
)
ORTHOGONAL: Changes = MappingProxyType(
    {"model/initializer": {"kind": "orthogonal"}, "model/spectral_radius": None}
)
SKIP: Changes = MappingProxyType({"model/cell": "skip", "model/options": {}})


def _vanishing(base: Mapping[str, Any], factor: str | None) -> Iterator[Cure]:
    activation = _activation(base)
    chrono = (
        "gates open for the lag",
        "A forget bias drawn for the sequence's length keeps the carried state for about as long.",
        {"model/forget_bias": "chrono"},
    )
    irnn = (
        "ReLU and the identity matrix",
        "A slope of 1 where units are on, and weights that hand the gradient back unchanged.",
        IRNN,
    )
    tanh = (
        "tanh",
        "Its slope reaches 1, four times the sigmoid's largest.",
        {"model/activation": "tanh"},
    )
    orthogonal = (
        "orthogonal weights",
        "All singular values are 1: the recurrent weights neither shrink nor stretch a gradient.",
        ORTHOGONAL,
    )
    yield chrono
    if activation == "sigmoid" and factor != "weights":
        yield tanh
    if _starts_by_choice(base):
        if activation is not None:
            starts = {"slope": (irnn,), "weights": (orthogonal, irnn)}
            yield from starts.get(factor or "", (irnn, orthogonal))
        elif factor in ("recurrent", "weights"):
            yield orthogonal
    if base["model"]["cell"] != "lstm":
        yield (
            "LSTM",
            "Its carried state is multiplied by a gate near 1 instead of by weights and slopes.",
            LSTM,
        )
    yield (
        "skips through time",
        "A second path of weights that jumps several steps at once: fewer factors on the way.",
        SKIP,
    )
    if activation == "relu":
        yield (
            "leaky ReLU",
            "Units that are off let a part of the gradient through.",
            {"model/activation": {"kind": "leaky_relu", "slope": 0.1}},
        )
    yield from _aside(base, factor)


def _aside(base: Mapping[str, Any], factor: str | None) -> Iterator[Cure]:
    """Yield the start that leaves the slope, its cause, as it is."""
    if factor == "slope" and _starts_by_choice(base) and _activation(base) is not None:
        yield (
            "orthogonal weights",
            "Their singular values start at 1. The cause is the slope, which they do not change: "
            "it helps where the weights started smaller, and may change nothing.",
            ORTHOGONAL,
        )


def _exploding(base: Mapping[str, Any], _factor: str | None) -> Iterator[Cure]:
    yield (
        "clipping by norm",
        "An update is never larger than the threshold, however large the gradient; its "
        "direction stays.",
        {"training/clipping": {"kind": "norm", "threshold": 1.0}},
    )
    if _starts_by_choice(base):
        yield (
            "orthogonal weights",
            "All singular values are 1: the recurrent weights no longer stretch a gradient.",
            ORTHOGONAL,
        )
        yield (
            "a spectral radius under 1",
            "The recurrent weights start a little inside of where they could make a gradient grow.",
            {"model/spectral_radius": INSIDE},
        )
    yield _smaller_rate(base, "do not jump out of the region where the loss falls")
    yield (
        "a learning rate that falls",
        "A cosine from the present rate to zero: large steps early, small ones late.",
        {"training/schedule": {"kind": "cosine"}},
    )
    if base["model"]["cell"] != "lstm":
        yield (
            "LSTM",
            "Its gates keep what is carried within bounds.",
            {**LSTM, "model/forget_bias": 1.0},
        )


def _saturated(base: Mapping[str, Any], _factor: str | None) -> Iterator[Cure]:
    if _starts_by_choice(base):
        yield (
            "orthogonal weights",
            "Recurrent weights that do not stretch the state drive no unit to where it is flat.",
            ORTHOGONAL,
        )
    yield (
        "smaller input weights",
        "Inputs no longer drive the units to where their slope is zero.",
        {"model/input_initializer": _smaller(base["model"]["input_initializer"])},
    )
    if _activation(base) is not None:
        if _starts_by_choice(base):
            yield (
                "ReLU and the identity matrix",
                "A function that does not saturate above zero.",
                IRNN,
            )
        yield (
            "leaky ReLU",
            "A function that saturates nowhere.",
            {"model/activation": {"kind": "leaky_relu", "slope": 0.1}, **_orthogonal(base)},
        )


def _dead_units(base: Mapping[str, Any], _factor: str | None) -> Iterator[Cure]:
    yield (
        "leaky ReLU",
        "Units that are off still get a gradient, and can come back.",
        {"model/activation": {"kind": "leaky_relu", "slope": 0.1}},
    )
    yield _smaller_rate(base, "do not push a unit out of reach of every input")
    orthogonal = _orthogonal(base)
    yield (
        "tanh with orthogonal weights" if orthogonal else "tanh",
        "A slope that is never exactly zero.",
        {"model/activation": "tanh", **orthogonal},
    )


def _clipped(base: Mapping[str, Any], _factor: str | None) -> Iterator[Cure]:
    clipping = base["training"]["clipping"]
    if clipping is None:
        return
    threshold = float(clipping["threshold"]) * LARGER
    yield (
        "a threshold ten times as high",
        "Clipping is for the exception: most gradients should pass it unchanged.",
        {"training/clipping/threshold": threshold},
    )
    yield (
        "clipping relative to the weights",
        "A threshold that grows with each unit's weights fits small and large ones alike.",
        {"training/clipping": {"kind": "adaptive"}},
    )


def _truncated(base: Mapping[str, Any], _factor: str | None) -> Iterator[Cure]:
    yield (
        "no truncation",
        "The gradient goes back through the whole sequence.",
        {"training/truncation": None},
    )


def _not_learning(base: Mapping[str, Any], _factor: str | None) -> Iterator[Cure]:
    training = base["training"]
    rate = float(training["optimizer"]["learning_rate"])
    if training["optimizer"]["kind"] != "adam":
        yield (
            "Adam",
            "Each weight gets steps of about the learning rate, however small its gradient.",
            {"training/optimizer": {"kind": "adam", "learning_rate": 0.003}},
        )
    if rate <= SOUND_RATES.get(training["optimizer"]["kind"], SOUND):
        yield (
            "a larger learning rate",
            "Where the loss does not move, steps may be too small.",
            {"training/optimizer/learning_rate": rate * LARGER},
        )
    yield (
        "twice as many steps",
        "Long dependencies are often found late, after a long plateau.",
        {"training/steps": 2 * int(training["steps"])},
    )


def _smaller_rate(base: Mapping[str, Any], effect: str) -> Cure:
    """Return a tenth of the learning rate; of one beyond all use, one to go down from."""
    optimizer = base["training"]["optimizer"]
    rate = float(optimizer["learning_rate"])
    sound = SOUND_RATES.get(optimizer["kind"], SOUND)
    if rate * SMALLER <= sound:
        smaller, size = rate * SMALLER, "a tenth as large"
    else:
        smaller, size = sound, f"{_times(rate / sound)} times smaller"
    return (
        "a smaller learning rate",
        f"Updates that are {size} {effect}.",
        {"training/optimizer/learning_rate": smaller},
    )


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}"


def _starts_by_choice(base: Mapping[str, Any]) -> bool:
    """Tell whether the cell's recurrent weights are what the initializer draws."""
    definition = CELLS[base["model"]["cell"]]
    plain = make_cell(definition.name).weight_map is None
    return plain and "weight_hh" in definition.parameters


def _orthogonal(base: Mapping[str, Any]) -> Changes:
    return ORTHOGONAL if _starts_by_choice(base) else {}


def _smaller(initializer: Mapping[str, Any]) -> Changes:
    """Return the same initializer with a tenth of the size."""
    size = next(name for name in SIZES if name in initializer)
    return {**initializer, size: SMALLER * float(initializer[size])}


def _activation(base: Mapping[str, Any]) -> str | None:
    """Return the activation's name, or None where the cell fixes it."""
    chosen: str | Mapping[str, str] | None = base["model"]["activation"]
    return chosen["kind"] if isinstance(chosen, Mapping) else chosen


CURES: Mapping[str, Callable[[Mapping[str, Any], str | None], Iterator[Cure]]] = MappingProxyType(
    {
        "diverged": _exploding,
        "exploding": _exploding,
        "vanishing": _vanishing,
        "truncated": _truncated,
        "saturated": _saturated,
        "dead_units": _dead_units,
        "clipped_always": _clipped,
        "not_learning": _not_learning,
    }
)
