"""Why a gradient vanishes or explodes along time: the factor of each step back that does it.

Definition: of the top layer's `gain_factors`, the mean over the steps back that the last loss's
    gradient goes: the factor that pulls most in the trouble's direction is the cause. Where the
    weights give a bound β on ‖J_t‖ with β^D under the vanishing span, vanishing is certain: no
    input can prevent it.
Exact cases: a linear network with W = ρQ: weights, and ρ per step,
    test_cause_of_a_shrinking_linear_network_is_its_weights.
Source: definition; the bound is that of Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from engine.diagnosis.finding import Case, Kind
from engine.diagnosis.thresholds import VANISHING_SPAN
from engine.statistics.weight_geometry import QUANTITIES

Factor = Literal["slope", "weights", "carry", "recurrent", "arriving"]

FACTORS: tuple[Factor, ...] = ("slope", "weights", "carry", "recurrent", "arriving")

ALONG_TIME: frozenset[Kind] = frozenset({"vanishing", "exploding", "diverged"})

WORDS: Mapping[Factor, str] = MappingProxyType(
    {
        "slope": "the slope of the activation function",
        "weights": "the recurrent weights",
        "carry": "what the gates and the carried state let through",
        "recurrent": "the way through the recurrent weights beside the carried state",
        "arriving": "what the losses on the way add",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """What a step back does to the gradient, factor by factor.

    Attributes:
        factor: The one that does most of it.
        per_step: Multiplier of the gradient for one step back by each factor, the mean of logs.
        sentence: The same in words.
        bound: β of the top layer, where vanishing is certain; else None.
    """

    factor: Factor
    per_step: Mapping[Factor, float]
    sentence: str
    bound: float | None = None


def cause_of(kind: Kind, case: Case) -> Cause | None:
    """Return the cause of a trouble along time, or None where the factors do not tell it.

    Args:
        kind: Vanishing looks for what shrinks the gradient, the others for what makes it grow.
        case: Its frame holds `gain_factors`, [S, T, factor].
    """
    if kind not in ALONG_TIME or "gain_factors" not in case.frame.arrays:
        return None
    first, last = case.task.first_heard, case.task.last_asked
    logs = np.asarray(case.frame.arrays["gain_factors"], dtype=np.float64)
    logs = logs[case.config.model.top_entry, first:last]
    logs = logs[np.isfinite(logs).all(axis=-1)]  # a step that nothing passes tells no factor
    if not len(logs):
        return None
    means = logs.mean(axis=0)
    sign = -1.0 if kind == "vanishing" else 1.0
    strongest = int(np.argmax(sign * means))
    if sign * means[strongest] <= 0:
        return None
    factor = FACTORS[strongest]
    per_step = {name: float(np.exp(mean)) for name, mean in zip(FACTORS, means, strict=True)}
    others = [
        f"{WORDS[name]} by {per_step[name]:.3g}"
        for name, mean in zip(FACTORS, means, strict=True)
        if name != factor and mean != 0
    ]
    beside = f" ({', '.join(others)})" if others else ""
    verb = "multiply" if factor == "weights" else "multiplies"
    sentence = (
        f"Each step back {WORDS[factor]} {verb} the gradient by {per_step[factor]:.3g}{beside}."
    )
    bound = _certain(kind, case)
    if bound is not None:
        sentence += (
            f" No step back can keep more than {bound:.3g} of it, whatever the inputs: over "
            f"{last - first} steps it is certain to vanish."
        )
    return Cause(factor=factor, per_step=per_step, sentence=sentence, bound=bound)


def _certain(kind: Kind, case: Case) -> float | None:
    """Return β where it makes vanishing certain; None where it does not, or is not recorded."""
    model = case.config.model
    bound_of = model.make_cell().bound
    geometry = case.frame.arrays.get("weight_geometry")
    if kind != "vanishing" or bound_of is None or geometry is None:
        return None
    beta = bound_of(float(geometry[model.top_entry, 0, QUANTITIES.index("largest_singular_value")]))
    distance = case.task.last_asked - case.task.first_heard
    return beta if beta**distance < VANISHING_SPAN else None
