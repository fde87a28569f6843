"""The words of the pages, each with what it means; the README's glossary is the same table."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from fastapi import APIRouter, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

from app.pages.base import PageContext, render


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One word; `anchor` is its place on the page, `/glossary#anchor`."""

    word: str
    anchor: str
    meaning: str

    @property
    def word_parts(self) -> tuple[tuple[str, bool], ...]:
        """The word as the page sets it."""
        return lowered(self.word)

    @property
    def meaning_parts(self) -> tuple[tuple[str, bool], ...]:
        """The meaning as the page sets it."""
        return lowered(self.meaning)


def lowered(text: str) -> tuple[tuple[str, bool], ...]:
    """Take a text apart into what stands on the line and what stands below it.

    Example:
        >>> lowered("∂s_{t−1}, σ_max")
        (('∂s', False), ('t−1', True), (', σ', False), ('max', True))
    """
    parts = re.split(r"_(\{[^}]+\}|max|\w)", text)
    told = ((part.strip("{}"), place % 2 == 1) for place, part in enumerate(parts))
    return tuple((part, is_low) for part, is_low in told if part)


GLOSSARY: Final = (
    Entry(
        word="time step t",
        anchor="time-step",
        meaning="position in the sequence, 1 … T",
    ),
    Entry(
        word="training step",
        anchor="training-step",
        meaning="number of updates made so far; at step 0 the weights are the initial ones",
    ),
    Entry(
        word="hidden state h_t",
        anchor="hidden-state",
        meaning="what the recurrent layer hands on from one time step to the next",
    ),
    Entry(
        word="total derivative dℓ/dh_t",
        anchor="total-derivative",
        meaning=(
            "how the loss of one sample changes with h_t along all paths, through every later time "
            "step"
        ),
    ),
    Entry(
        word="adjoint λ_t",
        anchor="lambda",
        meaning="dℓ/ds_t, the total derivative of the whole state; a chain starts from it",
    ),
    Entry(
        word="immediate derivative ∂ℓ/∂h_t",
        anchor="immediate-derivative",
        meaning="the part through the output of step t alone",
    ),
    Entry(
        word="sweep",
        anchor="sweep",
        meaning=(
            "one pass forward and back through all time steps; in /sweeps and gradtide sweep, a "
            "grid of runs"
        ),
    ),
    Entry(
        word="back-propagation through time (BPTT)",
        anchor="bptt",
        meaning=(
            "the chain rule over the unrolled network, exact here, and cut only where a "
            "configuration names a window (training.truncation)"
        ),
    ),
    Entry(
        word="state s_t",
        anchor="state",
        meaning=(
            "all that a layer hands on: h_t, with c_t of an LSTM, with earlier outputs of a skip "
            "through time"
        ),
    ),
    Entry(
        word="step Jacobian J_t",
        anchor="jacobian",
        meaning="∂s_t/∂s_{t−1}; a product of many decides what arrives",
    ),
    Entry(
        word="Lyapunov exponent",
        anchor="lyapunov",
        meaning=(
            "the mean logarithm by which a step stretches one of the directions that the network "
            "follows"
        ),
    ),
    Entry(
        word="gain factors",
        anchor="gain-factors",
        meaning=(
            "what one step back does to the gradient, factor by factor: the activation's slope, "
            "the weights, what is carried beside them, what arrives"
        ),
    ),
    Entry(
        word="path term A_{t,k}",
        anchor="path-term",
        meaning=(
            "the part of the gradient of the loss at t that goes through the parameter's use at "
            "step k; the terms sum to the gradient"
        ),
    ),
    Entry(
        word="segment, recomputed states",
        anchor="segment",
        meaning=(
            "a stretch of about √T steps; only the states before each are kept, and its own are "
            "made again on the way back (training.memory)"
        ),
    ),
    Entry(
        word="shard",
        anchor="shard",
        meaning=(
            "a part of a training batch that is swept on a thread of its own (training.threads)"
        ),
    ),
    Entry(
        word="truncation, wall",
        anchor="truncation",
        meaning="cutting the way back after every so many time steps; a wall is where it is cut",
    ),
    Entry(
        word="τ",
        anchor="tau",
        meaning="the last time step at which anything is asked",
    ),
    Entry(
        word="lag",
        anchor="lag",
        meaning="distance in time steps between a loss and a state",
    ),
    Entry(
        word="vanishing, exploding",
        anchor="vanishing",
        meaning="the norm falls, or grows, exponentially with the lag",
    ),
    Entry(
        word="ensemble",
        anchor="ensemble",
        meaning="runs of one shape that are trained side by side, in one process",
    ),
    Entry(
        word="g_d",
        anchor="g",
        meaning=(
            "the norm of the last loss's gradient d steps back from τ, the mean over the samples "
            "of ‖dℓ_τ/dh_{τ−d}‖; a page writes g_t for it at time t, so g_1 ÷ g_τ is the span"
        ),
    ),
    Entry(
        word="span",
        anchor="span",
        meaning=(
            "the norm of the last loss's gradient at the first time step that it reaches (the "
            "first of all, or the one after a wall), divided by that at the last time asked"
        ),
    ),
    Entry(
        word="needed lag",
        anchor="needed-lag",
        meaning="how far back a task's answer lies",
    ),
    Entry(
        word="reach",
        anchor="reach",
        meaning=(
            "how many steps back at least a hundredth of the last loss's gradient still arrives"
        ),
    ),
    Entry(
        word="factor per step, decay",
        anchor="decay",
        meaning=(
            "what the gradient is multiplied by at one step back, on the average: the span to the "
            "power of one over the steps back"
        ),
    ),
    Entry(
        word="slope φ′, γ",
        anchor="slope",
        meaning=(
            "the derivative of the activation function where a unit stands; γ is the largest that "
            "it takes"
        ),
    ),
    Entry(
        word="spectral radius ρ, σ_max",
        anchor="spectral-radius",
        meaning=(
            "the largest eigenvalue of W by size, and its largest singular value: by how much W "
            "can stretch anything in the long run, and in one step"
        ),
    ),
    Entry(
        word="probe",
        anchor="probe",
        meaning="the fixed batch, drawn with its own seed, on which frames are computed",
    ),
    Entry(
        word="statistic",
        anchor="statistic",
        meaning="a named array with named axes that is measured while training",
    ),
    Entry(
        word="frame",
        anchor="frame",
        meaning="what is recorded of all statistics at one training step",
    ),
    Entry(
        word="series",
        anchor="series",
        meaning="a statistic with one number for every training step: loss, gradient norm, …",
    ),
    Entry(
        word="slice",
        anchor="slice",
        meaning="a part of a recorded statistic, picked by coordinates",
    ),
    Entry(
        word="verdict",
        anchor="verdict",
        meaning=(
            "span, reach and decay of a run in one word and one sentence; what is wrong with it, "
            "on what evidence, why, and the remedies to try"
        ),
    ),
    Entry(
        word="baseline, least loss",
        anchor="baseline",
        meaning=(
            "the loss of the best predictor that sees the present input alone; the loss of the "
            "best there is, above zero where an answer is partly chance"
        ),
    ),
    Entry(
        word="clipping",
        anchor="clipping",
        meaning=(
            "cutting a gradient down to a threshold before the update, by its norm or entry by "
            "entry"
        ),
    ),
    Entry(
        word="saturation",
        anchor="saturation",
        meaning="the share of units whose activation's slope is next to nothing",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class GlossaryPage(PageContext):
    """What glossary.html is given."""

    template: ClassVar[str] = "glossary.html"
    here: ClassVar[str] = "glossary"

    entries: tuple[Entry, ...] = GLOSSARY


def build_router(templates: Jinja2Templates) -> APIRouter:
    """Return the route of the glossary."""
    router = APIRouter()

    @router.get("/glossary")
    def glossary_page(request: Request) -> Response:
        return render(request, templates, GlossaryPage())

    return router
