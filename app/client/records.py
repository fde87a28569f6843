"""What the service answers, field by field, for who writes programs against it.

Numbers that JSON lacks are the strings "NaN", "Infinity" and "-Infinity"; moments are texts.
"""

from typing import Any, Literal, TypedDict

Number = float | Literal["NaN", "Infinity", "-Infinity"]
Verdict = dict[str, Any]
"""word, sentence, kinds, findings, cause, remedies."""


class Progress(TypedDict):
    """How far a run is."""

    step: int
    steps: int
    eta_seconds: Number | None


class Run(TypedDict):
    """A run."""

    id: str
    name: str
    status: str
    config: dict[str, Any]
    tags: list[str]
    notes: str
    facts: dict[str, Any]
    requested: Literal["cancel", "pause"] | None
    progress: Progress
    loss: Number | None
    final_loss: Number | None
    verdict: Verdict | None
    sparkline: list[Number] | None
    error: str | None
    versions: dict[str, Any]
    queue_position: int | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class Estimate(TypedDict):
    """What a run will need: bytes of memory, bytes on disk, floating-point operations, frames."""

    memory: int
    stored: int
    work: int
    frames: int


class ArrayInfo(TypedDict):
    """A recorded statistic."""

    name: str
    axes: list[str]
    coords: dict[str, list[Any]]
    shape: list[int]
    dtype: str
    scale: Literal["log10", "ln", "plain", "counts"]


class Array(ArrayInfo):
    """A slice of one with its numbers, nested by the axes."""

    data: list[Any]


class Difference(TypedDict):
    """A place where configurations differ, and what each run has there."""

    pointer: str
    values: list[Any]


class ComparedRun(TypedDict):
    """A run of a comparison."""

    id: str
    name: str
    status: str


class Comparison(TypedDict):
    """Runs beside each other; of the statistic the first axis is the run."""

    runs: list[ComparedRun]
    differences: list[Difference]
    statistics: list[str]
    statistic: Array | None


class Figure(TypedDict):
    """A figure: what it shows and needs."""

    name: str
    title: str
    how_to_read: str
    needs: list[str]
    runs: list[int]


class Checkpoint(TypedDict):
    """Weights that can be downloaded."""

    step: int
    bytes: int
    sha256: str
    created_at: str


class Factor(TypedDict):
    """One factor of a path term."""

    name: str
    symbol: str
    words: str
    time: int
    norm: Literal["euclidean", "spectral", "frobenius"]
    log10_norm: Number
    left_out: int
    value: list[Any] | None


class Arriving(TypedDict):
    """What is left of the loss's gradient at each state on the way back."""

    state_time: list[int]
    log10_norm: list[Number]


class PathTerm(TypedDict):
    """A path term itself."""

    log10_norm: Number
    value: list[Any] | None


class Chain(TypedDict):
    """One path term, factor by factor."""

    run: str
    step: int
    loss_time: int
    state_time: int
    lag: int
    parameter: str
    layer: int | None
    sample: int | None
    samples: int
    jacobian_samples: int
    factors: list[Factor]
    arriving: Arriving
    term: PathTerm
    is_product: bool
    walls: list[int]


class Trace(TypedDict):
    """What one sweep found; the arrays as `engine.trace` has them, nested."""

    loss: Number | None
    outputs: list[Any]
    hidden: list[Any]
    parameter_gradients: dict[str, list[Any]]
    hidden_gradient: list[Any]
    hidden_gradient_log10_norm: list[Any]
    immediate_gradient: list[Any]
    immediate_gradient_log10_norm: list[Any]
    input_gradients: list[Any]
    initial_state_gradient: Any
    loss_state_gradients: list[Any]
    path_terms: dict[str, list[Any]]
    statistics: dict[str, Any]


class SweepProgress(TypedDict):
    """How far a sweep is."""

    runs: int
    over: int
    step: int
    steps: int


class SweepSummary(TypedDict):
    """A sweep, without its runs."""

    id: str
    name: str
    status: Literal["queued", "running", "finished", "cancelled"]
    axes: dict[str, list[Any]]
    repeats: int
    progress: SweepProgress
    statuses: dict[str, int]
    created_at: str


class SweptRun(TypedDict):
    """A run of a sweep."""

    id: str
    values: dict[str, Any]
    seed: int
    status: str
    final_loss: Number | None


class Skipped(TypedDict):
    """A combination that is not run."""

    values: dict[str, Any]
    reason: str


class Sweep(SweepSummary):
    """A sweep with its runs."""

    base: dict[str, Any]
    runs: list[SweptRun]
    skipped: list[Skipped]


class MatrixAxis(TypedDict):
    """An axis of a matrix."""

    axis: str | None
    values: list[Any]


class Matrix(TypedDict):
    """What the runs of a sweep came to, over two of its axes: rows are y, columns x."""

    value: str
    x: MatrixAxis
    y: MatrixAxis
    data: list[list[Number | None]]
    low: list[list[Number | None]]
    high: list[list[Number | None]]
    count: list[list[int]]
    runs: list[list[list[str]]]


class Dataset(TypedDict):
    """An uploaded data set."""

    id: str
    name: str
    kind: Literal["series", "text", "arrays"]
    bytes: int
    sha256: str
    created_at: str
    description: dict[str, Any]


class Model(TypedDict):
    """An uploaded model; `description["model"]` goes into a configuration as it is."""

    id: str
    name: str
    cell: str
    bytes: int
    sha256: str
    created_at: str
    description: dict[str, Any]


class CaptureFrame(TypedDict):
    """A recorded step of a training loop elsewhere."""

    run: str
    step: int
    verdict: Verdict | None
