"""The page of activation functions: what each does to a gradient, once and over many steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

from app.figures import FIGURES, FigureDefinition
from app.figures.activation_curves import activations
from app.figures.activation_product import product, slope_at
from app.pages.base import PLOTLY_URL, PageContext, render
from app.pages.verdicts import Quantity, quantity_of_log10

LONGEST = 200
WIDEST = 4.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ActivationRow:
    """One function: what it is, and what is left of a gradient."""

    name: str
    title: str
    formula: str
    slope_formula: str
    gamma: str
    slope_range: str
    slope: str
    product: Quantity


@dataclass(frozen=True, kw_only=True, slots=True)
class ActivationsPage(PageContext):
    """What activations.html is given."""

    template: ClassVar[str] = "activations.html"
    here: ClassVar[str] = "activations"

    length: int
    at: float
    longest: int
    widest: float
    rows: tuple[ActivationRow, ...]
    panels: tuple[tuple[str, str, str, str], ...]
    figures: Mapping[str, FigureDefinition]
    plotly_url: str


def build_router(templates: Jinja2Templates) -> APIRouter:
    """Return the route of the page."""
    router = APIRouter()

    @router.get("/activations")
    def activations_page(
        request: Request,
        length: Annotated[int, Query(ge=1, le=LONGEST)] = 20,
        at: Annotated[float, Query(ge=-WIDEST, le=WIDEST)] = 1.0,
    ) -> Response:
        return render(request, templates, page_of(length, at))

    return router


def page_of(length: int, at: float) -> ActivationsPage:
    """Return the context for T steps at the pre-activation a."""
    figures = (
        ("activation_curves", "span-6", "φ thin, φ′ strong"),
        ("activation_product", "span-6", "at one a, weights of 1"),
    )
    return ActivationsPage(
        length=length,
        at=at,
        longest=LONGEST,
        widest=WIDEST,
        rows=rows_of(length, at),
        panels=tuple((name, FIGURES[name].title, span, formula) for name, span, formula in figures),
        figures=FIGURES,
        plotly_url=PLOTLY_URL,
    )


def rows_of(length: int, at: float) -> tuple[ActivationRow, ...]:
    """Return a row for every activation of the catalog."""
    found = []
    for entry in activations():
        slope = slope_at(entry, at)
        smallest, largest = entry["slope_range"]
        found.append(
            ActivationRow(
                name=entry["name"],
                title=entry["title"],
                formula=entry["formula"],
                slope_formula=entry["slope_formula"],
                gamma=f"{entry['gamma']:g}",
                slope_range=f"{smallest:g} … {largest:g}"
                if smallest != largest
                else f"{largest:g}",
                slope=f"{slope:.4g}",
                product=quantity_of_log10(product(slope, length)),
            )
        )
    return tuple(found)
