"""What OpenAPI says of answers; the routes themselves write them with `app.wire`."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.examples import EXAMPLES
from app.http_errors import PROBLEM_MEDIA_TYPE
from app.runs import RunStatus
from app.runs.descriptions import MAX_NOTES
from engine import bounds

Number = float | Literal["NaN", "Infinity", "-Infinity"]


class FaultModel(BaseModel):
    """One fault of a request: `pointer` into the body, or the `parameter` or `header`."""

    model_config = ConfigDict(title="Fault")

    detail: str
    pointer: str | None = Field(None, description="JSON pointer into the body")
    parameter: str | None = Field(None, description="Query or path parameter")
    header: str | None = None


class ProblemModel(BaseModel):
    """An error (RFC 9457); the last part of `type` is its code."""

    model_config = ConfigDict(title="Problem")

    type: str
    title: str
    status: int
    detail: str
    errors: list[FaultModel] | None = None


class ProgressModel(BaseModel):
    """How far a run is."""

    model_config = ConfigDict(title="Progress")

    step: int
    steps: int
    eta_seconds: Number | None


class RunModel(BaseModel):
    """A run, as its row says."""

    model_config = ConfigDict(title="Run")

    id: str
    name: str
    status: RunStatus
    config: dict[str, Any]
    tags: list[str]
    notes: str
    facts: dict[str, Any] = Field(description="Baseline, needed lag and shapes of the task")
    requested: Literal["cancel", "pause"] | None = Field(
        description="What was asked of the run and is still to come"
    )
    progress: ProgressModel
    loss: Number | None = Field(
        description="Mean training loss of the last 100 steps, of fewer at the start; the last"
        " step's own where that is not finite. The progress events' loss is the same"
    )
    final_loss: Number | None = Field(description="The loss, once the run is over")
    verdict: dict[str, Any] | None
    sparkline: list[Number] | None = Field(
        description="log10 gradient norm by time at the newest frame, some thirty values"
    )
    error: str | None
    versions: dict[str, Any]
    queue_position: int | None = Field(None, description="Runs ahead of a queued one")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ExtensionModel(BaseModel):
    """How far a run that succeeded is to go on."""

    model_config = ConfigDict(title="Extension", extra="forbid")

    steps: int = Field(ge=0, le=bounds.MOST_STEPS, description="Training steps in all")


class DescriptionModel(BaseModel):
    """What a user may change of a run; what is left out stays."""

    model_config = ConfigDict(title="Description", extra="forbid")

    name: str = Field("", min_length=1, max_length=bounds.LONGEST_NAME)
    tags: list[Annotated[str, Field(min_length=1, max_length=bounds.LONGEST_TAG)]] = Field(
        [], max_length=bounds.MOST_TAGS
    )
    notes: str = Field("", max_length=MAX_NOTES)


class RunPageModel(BaseModel):
    """A page of the list of runs."""

    model_config = ConfigDict(title="RunPage")

    items: list[RunModel]
    next_cursor: str | None


class ArrayInfoModel(BaseModel):
    """A recorded statistic: what can be read of it now."""

    model_config = ConfigDict(title="ArrayInfo")

    name: str
    axes: list[str]
    coords: dict[str, list[Number | str]]
    shape: list[int]
    dtype: str
    scale: Literal["log10", "ln", "plain", "counts"]


class ArrayModel(ArrayInfoModel):
    """A slice of a statistic with its numbers."""

    model_config = ConfigDict(title="Array")

    data: list[Any] = Field(
        description='Nested by the axes; "NaN", "Infinity" and "-Infinity" for the numbers that'
        " JSON lacks, null for what is not recorded or not defined"
    )


class DifferenceModel(BaseModel):
    """A place where configurations differ."""

    model_config = ConfigDict(title="Difference")

    pointer: str = Field(description="JSON pointer into the configurations")
    values: list[Any] = Field(description="One for each run; null where a run has none")


class ComparedRunModel(BaseModel):
    """A run of a comparison."""

    model_config = ConfigDict(title="ComparedRun")

    id: str
    name: str
    status: RunStatus


class ComparisonModel(BaseModel):
    """Runs beside each other."""

    model_config = ConfigDict(title="Comparison")

    runs: list[ComparedRunModel]
    differences: list[DifferenceModel]
    statistics: list[str] = Field(description="What all of them have recorded")
    statistic: ArrayModel | None = Field(
        description="The statistic asked for on the coordinates that all share; its first axis is"
        " the run"
    )


class TraceRequestModel(BaseModel):
    """One sweep: a cell, its weights under PyTorch's names, inputs, and what is differentiated."""

    model_config = ConfigDict(title="TraceRequest", extra="forbid")

    cell: str
    parameters: dict[str, list[Any]]
    inputs: list[list[list[float]]] = Field(description="[T, B, D]")
    targets: list[Any] | None = Field(None, description="Class numbers [T, B] or values [T, B, K]")
    mask: list[list[Any]] | None = Field(None, description="[T, B]: which targets are asked")
    loss: Literal["cross_entropy", "mean_squared_error"] = "cross_entropy"
    reduction: Literal["mean", "sum"] = "mean"
    output_gradients: list[Any] | None = Field(None, description="In the place of targets")
    initial_state: Any = Field(None, description="[S, B, H], or an object of h and c")
    final_state_gradients: Any = Field(None, description="[S, B, H], or an object of h and c")
    truncation: int | None = Field(None, ge=1)
    options: dict[str, Any] | None = Field(None, description="`activation` and the cell's own")
    statistics: list[str] | None = None
    path_terms: list[str] | None = Field(
        None, description="Parameters whose terms are answered; all where it is left out"
    )


class TraceModel(BaseModel):
    """What one sweep found; the arrays as `engine.trace` has them."""

    model_config = ConfigDict(title="Trace")

    loss: Number | None
    outputs: list[Any] = Field(description="[T, B, K]")
    hidden: list[Any] = Field(description="[S, T, B, H]")
    parameter_gradients: dict[str, list[Any]]
    hidden_gradient: list[Any]
    hidden_gradient_log10_norm: list[Any] = Field(description="[S, T, B]")
    immediate_gradient: list[Any]
    immediate_gradient_log10_norm: list[Any]
    input_gradients: list[Any]
    initial_state_gradient: Any
    loss_state_gradients: list[Any] = Field(
        description="[S, loss time, state time, B, H]; null where the state comes after the loss"
    )
    path_terms: dict[str, list[Any]] = Field(
        description="[loss time, state time, …]: the terms, by sign, whose sums are the gradients"
    )
    statistics: dict[str, Any]


class EstimateModel(BaseModel):
    """What a run will need, before it runs."""

    model_config = ConfigDict(title="Estimate")

    memory: int = Field(description="Bytes at most at once")
    stored: int = Field(description="Bytes on disk at its end")
    work: int = Field(description="Floating-point operations")
    frames: int


class CheckpointModel(BaseModel):
    """Weights that can be downloaded."""

    model_config = ConfigDict(title="Checkpoint")

    step: int
    bytes: int
    sha256: str
    created_at: datetime


class FigureModel(BaseModel):
    """A figure: what it shows and needs."""

    model_config = ConfigDict(title="Figure")

    name: str
    title: str
    how_to_read: str
    needs: list[str] = Field(description="Statistics it is drawn from")
    runs: list[int] = Field(description="Fewest and most runs")


_PROBLEM = {
    "description": "The request is refused and has changed nothing (RFC 9457)",
    "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of the refusals that a route knows."""
    return {status: dict(_PROBLEM) for status in statuses}


def body_of(schema: str) -> dict[str, Any]:
    """Return the OpenAPI entry of a JSON body of one of the document's schemas."""
    reference = {"$ref": f"#/components/schemas/{schema}"}
    content = {"application/json": {"schema": reference, "example": EXAMPLES[schema]}}
    return {"requestBody": {"required": True, "content": content}}


NOT_MODIFIED: dict[str, Any] = {"description": "The client has it already"}
PROBLEMS = {**problems(400, 401, 422), "default": dict(_PROBLEM)}
