"""How coordinates are asked for, and found."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from app.store.errors import SelectionError
from app.store.slices import Choice, Selection, Span, parse_choice, positions

TIME = tuple(range(1, 11))
STEPS = [0, 50, 100, 150, 170]
NAMES = ("weight_ih_l0", "weight_hh_l0")
EDGES = (-math.inf, 0.0, 0.5)


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("7", 7),
        ("-1.5", -1.5),
        ("last", "last"),
        ("weight_ih_l0", "weight_ih_l0"),
        ("1:10", Span(start=1, stop=10)),
        ("0:100:25", Span(start=0, stop=100, stride=25)),
        (":5", Span(stop=5)),
        (":", Span()),
        ("-Infinity", -math.inf),
    ],
)
def test_a_query_value_is_read(text: str, choice: Choice) -> None:
    assert parse_choice(text) == choice


@pytest.mark.parametrize("text", ["1:2:0", "1:2:-1", "a:b", "1:2:3:4", "1:2:x"])
def test_a_query_value_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_choice(text)


@pytest.mark.parametrize(
    ("coords", "selection", "wanted"),
    [
        (TIME, 3, [3]),
        (TIME, Span(start=2, stop=4), [2, 3, 4]),
        (TIME, Span(start=2, stop=9, stride=3), [2, 5, 8]),
        (TIME, Span(stride=4), [1, 5, 9]),
        (TIME, [9, 2, Span(start=4, stop=5)], [9, 2, 4, 5]),
        (TIME, [3, 3], [3, 3]),
        (STEPS, "last", [170]),
        (STEPS, Span(start=0, stop=2000, stride=100), [0, 100]),
        (STEPS, Span(start=60), [100, 150, 170]),
        (range(20), Span(start=18, stop=400), [18, 19]),
        (NAMES, "weight_hh_l0", ["weight_hh_l0"]),
        (EDGES, Span(start=0), [0.0, 0.5]),
        (EDGES, -math.inf, [-math.inf]),
    ],
)
def test_coordinates_are_found_in_the_order_asked_for(
    coords: Sequence[Any], selection: Selection, wanted: list[object]
) -> None:
    found = np.arange(len(coords))[positions("axis", coords, selection)]
    assert [coords[position] for position in found] == wanted


@pytest.mark.parametrize(
    ("coords", "selection"),
    [
        (TIME, 0),
        (TIME, 11),
        (TIME, 2.5),
        (TIME, "now"),
        (TIME, Span(start=11)),
        (TIME, Span(start=5, stop=4)),
        (TIME, []),
        ([], "last"),
        (NAMES, "weight_ho_l0"),
        (NAMES, Span(start=0, stop=1)),
        ((0.0, 0.5), Span(stride=2)),
    ],
)
def test_what_an_axis_does_not_have_is_refused_by_its_name(
    coords: Sequence[Any], selection: Selection
) -> None:
    with pytest.raises(SelectionError) as refused:
        positions("time", coords, selection)
    assert refused.value.axis == "time"
