"""The pages of the guided lessons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import RedirectResponse, Response

from app.figures.activation_curves import activations
from app.pages.asked import MOST, Asked, Box
from app.pages.base import PageContext, render
from app.pages.lesson_runs import compared, tag_of, trained
from app.pages.lessons import LESSONS, Lesson
from app.pages.three_steps import INITIAL, ByHand, Weights, by_hand
from app.pages.traced import PathView, walk
from app.runs import RunService, RunStatus
from app.store import Run, Store


@dataclass(frozen=True, kw_only=True, slots=True)
class LessonLink:
    """A lesson in the list."""

    name: str
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnPage(PageContext):
    """What learn.html is given: one lesson, and the list of all."""

    template: ClassVar[str] = "learn.html"
    here: ClassVar[str] = "learn"

    lessons: tuple[LessonLink, ...]
    name: str
    lesson: Lesson
    guess: int | None
    focus: bool
    path: PathView | None
    hand: ByHand | None
    boxes: tuple[Box, ...]
    most: str = f"{MOST:g}"
    initial: str = f"({', '.join(f'{value:g}' for value in INITIAL)})".replace("-", "−")
    refused: str
    activation: str
    activations: tuple[str, ...]
    given: tuple[tuple[str, str], ...]
    alone_href: str
    all_href: str
    reset_href: str
    following: LessonLink | None
    compare_href: str
    is_over: bool


def build_router(templates: Jinja2Templates) -> APIRouter:
    """Return the routes of the lessons."""
    router = APIRouter()

    @router.get("/learn")
    def first_lesson(request: Request, asked: Annotated[Asked, Depends()]) -> Response:
        name = next(iter(LESSONS))
        return render(request, templates, page_of(name, asked, _runs_of(request, name)))

    @router.get("/learn/{name}")
    def lesson_page(request: Request, name: str, asked: Annotated[Asked, Depends()]) -> Response:
        return render(request, templates, page_of(name, asked, _runs_of(request, name)))

    @router.post("/learn/{name}")
    def start_runs(request: Request, name: str, asked: Annotated[Asked, Depends()]) -> Response:
        service: RunService = request.app.state.service
        tags = ["lesson", tag_of(name)]
        runs = service.create_all([{**config, "tags": tags} for config in lesson_of(name).runs])
        return RedirectResponse(compared(name, runs, asked.guess), status_code=303)

    return router


def lesson_of(name: str) -> Lesson:
    """Return a lesson.

    Raises:
        HTTPException: There is none of this name.
    """
    if name not in LESSONS:
        raise HTTPException(404, f"unknown lesson {name[:60]!r}; known: {', '.join(LESSONS)}")
    return LESSONS[name]


def _runs_of(request: Request, name: str) -> tuple[Run, ...]:
    store: Store = request.app.state.store
    return trained(store, name, lesson_of(name))


def page_of(name: str, asked: Asked, runs: Sequence[Run] = ()) -> LearnPage:
    """Return the context of a lesson's page; `runs` are those that it has trained already."""
    lesson = lesson_of(name)
    links = [LessonLink(name=key, title=one.title) for key, one in LESSONS.items()]
    known = _names()
    weights = asked.weights(known) if lesson.by_hand else None
    after = [link.name for link in links].index(name) + 1
    return LearnPage(
        lessons=tuple(links),
        name=name,
        lesson=lesson,
        guess=asked.guess,
        focus=asked.focus,
        path=walk(lesson.path) if lesson.path is not None and asked.guess is not None else None,
        hand=None if weights is None else by_hand(weights),
        boxes=asked.boxes() if lesson.by_hand else (),
        refused=asked.refused_activation(known) if lesson.by_hand else "",
        activation=asked.activation or Weights().activation,
        activations=known,
        given=tuple(asked.given.items()),
        alone_href=f"/learn/{name}{asked.query(focus=True)}",
        all_href=f"/learn/{name}{asked.query(focus=False)}",
        reset_href=f"/learn/{name}{asked.query(focus=asked.focus, changing=False)}"
        if asked.is_changed
        else "",
        following=links[after] if after < len(links) else None,
        compare_href=compared(name, runs, asked.guess) if runs else "",
        is_over=bool(runs) and all(RunStatus(run.status).is_terminal for run in runs),
    )


def _names() -> tuple[str, ...]:
    """Names of the activation functions that have no option of their own."""
    return tuple(str(e["name"]) for e in activations() if "options" not in e)
