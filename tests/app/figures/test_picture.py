"""A picture's JSON is what Plotly writes of the same figure."""

import json
from typing import Any

import numpy as np
import plotly.io
import pytest

from app.figures.layout import NO_TEMPLATE
from app.figures.picture import Picture

ODD: dict[str, Any] = {
    "special numbers": np.array([0.0, -np.inf, np.inf, np.nan]),
    "half as long": np.array([1.5, np.nan], np.float32),
    "a plane": np.arange(6, dtype=np.float32).reshape(2, 3),
    "turned": np.arange(6, dtype=np.float64).reshape(2, 3).T,
    "bytes": np.array([[1, 2]], np.uint8),
    "small whole numbers": np.array([-3, 120]),
    "whole numbers": np.array([-3, 40_000]),
    "large whole numbers": np.array([0, 2**40]),
    "counts": np.array([7, 70_000], np.uint64),
    "nothing": np.empty(0),
    "a list": [1, None, "NaN"],
    "an empty list": [],
}


@pytest.mark.parametrize("case", ODD)
def test_it_is_written_as_plotly_writes_it(case: str) -> None:
    axis = {"range": [0, np.float64(2.5)]}
    frame = {"xaxis": axis, "meta": {"step": np.int64(4)}, "template": NO_TEMPLATE}
    drawn = Picture([{"type": "scatter", "y": ODD[case], "meta": {"role": "line"}}], frame)
    theirs = plotly.io.to_json(drawn.figure, validate=False, engine="orjson")
    assert json.loads(drawn.json()) == json.loads(theirs)


def test_numbers_that_json_lacks_are_null_in_lists() -> None:
    drawn = Picture([{"type": "scatter", "y": [1.0, float("nan"), float("inf")]}], {})
    assert json.loads(drawn.json())["data"][0]["y"] == [1.0, None, None]


def test_what_is_no_part_of_a_figure_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        Picture([{"y": {1}}], {}).json()
