"""Runs beside each other: what their configurations differ in, and one statistic of all."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.api.dependencies import SettingsOf, StoreOf, json_response
from app.api.schemas import ComparisonModel, problems
from app.api.selection import require_size, select
from app.api.statistics import AXIS_PARAMETERS
from app.comparison import aligned, differences, pointer_of
from app.definedness import undefined
from app.http_errors import bad_parameter
from app.store import ArrayInfo, Run, Slice, Store
from app.wire import array_record

router = APIRouter(tags=["compare"])

FEWEST: Final = 2
MOST: Final = 20
_OTHERS: Final = ("run", "statistic")


@router.get(
    "/compare",
    responses={200: {"model": ComparisonModel}, **problems(404, 413)},
    openapi_extra={"parameters": AXIS_PARAMETERS},
)
def compare_runs(
    request: Request,
    store: StoreOf,
    settings: SettingsOf,
    run: Annotated[
        list[str], Query(min_length=FEWEST, max_length=MOST, description="Two runs or more")
    ],
    statistic: Annotated[
        str | None, Query(description="A statistic that all have recorded")
    ] = None,
) -> Response:
    """Return the differences of configurations, and a statistic on the coordinates all share."""
    runs = [store.runs.get(each) for each in run]
    known = [{info.name: info for info in store.arrays.describe(each.id)} for each in runs]
    common = [name for name in known[0] if all(name in each for each in known[1:])]
    record: dict[str, Any] = {
        "runs": [{"id": each.id, "name": each.name, "status": each.status} for each in runs],
        "differences": [
            {"pointer": pointer_of(path), "values": list(values)}
            for path, values in differences([each.config for each in runs]).items()
        ],
        "statistics": common,
        "statistic": None,
    }
    if statistic is not None:
        if statistic not in common:
            raise bad_parameter("statistic", f"not recorded by all; known: {', '.join(common)}")
        info = aligned([each[statistic] for each in known])
        selected = select(request.query_params, info, _OTHERS)
        require_size(selected.size * len(runs), info, settings.max_slice_elements)
        coords = {axis: list(values) for axis, values in selected.coords.items()}
        record["statistic"] = _stacked(store, runs, info, coords)
    return json_response(record)


def _stacked(
    store: Store, runs: Sequence[Run], info: ArrayInfo, coords: dict[str, list[Any]]
) -> dict[str, Any]:
    """Return one array with the runs as its first axis."""
    shape = (len(runs), *(len(values) for values in coords.values()))
    values = np.full(shape, np.nan, dtype=info.dtype)
    missing = np.zeros(shape, dtype=np.bool_)
    if values.size:
        for position, run in enumerate(runs):
            found = store.arrays.read(run.id, info.name, coords)
            values[position] = found.values
            where = undefined(found, run)
            missing[position] = False if where is None else where
    stacked = Slice(
        name=info.name,
        axes=("run", *info.axes),
        coords={"run": [run.id for run in runs], **coords},
        values=values,
        scale=info.scale,
    )
    return array_record(stacked, missing)
