"""The axis of training steps: the whole planned training, so that nothing moves while it fills."""

from collections.abc import Sequence

from app.figures import layout, scale
from app.figures.base import RunData, coordinates
from app.figures.picture import Part
from app.runs import RunStatus

# A blank part narrower than this needs no words.
WORTH_SAYING = 0.15
# So many recorded steps can each have a tick of their own.
MOST_TICKS = 6


def span_of_steps(run: RunData, name: str) -> tuple[float, float]:
    """Ends of the axis, half a column beyond the steps.

    A run that is over has no future: where it ended early, the axis ends there too, and a
    run that diverged after ten steps fills the picture.
    """
    recorded = coordinates(run, name, "step")
    borders = scale.edges(recorded)
    first, last = (float(borders[0]), float(borders[-1])) if borders.size else (-0.5, 0.5)
    if RunStatus(run.status).is_terminal:
        return first, last
    every = int(run.config.get("recording", {}).get("every", 1))
    half = min(every, max(run.steps, 1)) / 2
    return -half, max(run.steps + half, last)


def steps_axis(runs: Sequence[RunData], **more: object) -> Part:
    """Axis of lines over the training: to the planned end, or to where a run's training ended."""
    end = max(1, *(run.step if RunStatus(run.status).is_terminal else run.steps for run in runs))
    return layout.axis("training step", range=[0, end], **layout.no_parts(end), **more)


def whole_steps(run: RunData, name: str) -> Part:
    """Ticks at the recorded steps themselves where they are few, else at round ones and the end."""
    steps = coordinates(run, name, "step")
    if not RunStatus(run.status).is_terminal:
        return layout.step_ticks(run.steps)
    if steps.size > MOST_TICKS:
        return layout.step_ticks(float(steps[-1]))
    return {"tickmode": "array", "tickvals": steps}


def future(run: RunData, name: str, number: str) -> list[Part]:
    """Say in words why the part right of the last frame is blank."""
    recorded = coordinates(run, name, "step")
    reached = float(recorded[-1]) if recorded.size else 0.0
    is_over = RunStatus(run.status).is_terminal
    if is_over or run.steps - reached <= WORTH_SAYING * run.steps:
        return []
    where = {"xref": f"x{number}", "yref": f"y{number} domain", "name": "future"}
    return [layout.note("not trained yet", (reached + run.steps) / 2, 0.5, **where)]
