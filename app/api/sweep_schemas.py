"""What OpenAPI says of sweeps."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas import Number
from app.runs import RunStatus
from app.runs.grids import MOST_REPEATS


class SweepRequestModel(BaseModel):
    """A grid: every combination of the axes' values, put into the base."""

    model_config = ConfigDict(title="SweepRequest", extra="forbid")

    base: dict[str, Any] = Field(description="A configuration; what an axis gives may be missing")
    axes: dict[str, list[Any]] = Field(
        min_length=1,
        description="Values by place, such as `model.activation` or `training.optimizer`; where a"
        " kind is changed, the keys of the base that the new kind lacks are dropped",
    )
    repeats: int = Field(
        1, ge=1, le=MOST_REPEATS, description="Runs of each combination, with seeds from the base's"
    )


class SweepProgressModel(BaseModel):
    """How far a sweep is."""

    model_config = ConfigDict(title="SweepProgress")

    runs: int
    over: int
    step: int
    steps: int


class SweptRunModel(BaseModel):
    """A run of a sweep."""

    model_config = ConfigDict(title="SweptRun")

    id: str
    values: dict[str, Any] = Field(description="The value on each axis")
    seed: int
    status: RunStatus
    final_loss: Number | None


class SkippedModel(BaseModel):
    """A combination that is not run."""

    model_config = ConfigDict(title="Skipped")

    values: dict[str, Any]
    reason: str


class SweepSummaryModel(BaseModel):
    """A sweep, without its runs."""

    model_config = ConfigDict(title="SweepSummary")

    id: str
    name: str
    status: Literal["queued", "running", "finished", "cancelled"]
    axes: dict[str, list[Any]]
    repeats: int
    progress: SweepProgressModel
    statuses: dict[str, int] = Field(description="How many runs have each status")
    created_at: datetime


class SweepModel(SweepSummaryModel):
    """A sweep with its runs."""

    model_config = ConfigDict(title="Sweep")

    base: dict[str, Any]
    runs: list[SweptRunModel]
    skipped: list[SkippedModel]


class SweepPageModel(BaseModel):
    """A page of the list of sweeps."""

    model_config = ConfigDict(title="SweepPage")

    items: list[SweepSummaryModel]
    next_cursor: str | None


class MatrixAxisModel(BaseModel):
    """An axis of a matrix."""

    model_config = ConfigDict(title="MatrixAxis")

    axis: str | None = Field(description="Null for y where the sweep has one axis")
    values: list[Any]


class MatrixModel(BaseModel):
    """What the runs of a sweep came to, over two of its axes: rows are y, columns x."""

    model_config = ConfigDict(title="Matrix")

    value: str
    x: MatrixAxisModel
    y: MatrixAxisModel
    data: list[list[Number | None]] = Field(
        description="Median over the runs of a cell, a NaN counting as the greatest; of `success`"
        " the share of runs. Null where none has a value yet"
    )
    low: list[list[Number | None]] = Field(
        description="Lower quartile, a value that was found; of `success` the lower end of"
        " Wilson's 95 % interval"
    )
    high: list[list[Number | None]] = Field(description="The upper of the two")
    count: list[list[int]] = Field(description="Runs with a value")
    runs: list[list[list[str]]] = Field(description="All runs of each cell")
