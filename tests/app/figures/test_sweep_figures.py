"""The figures of a sweep hold its numbers, on scales that stay."""

import math
from typing import Literal

import numpy as np
import pytest

from app.figures import palette, success_by_lag, sweep_matrix
from app.runs.sweep_results import VALUES

X = ("activation", ["tanh", "relu", "sigmoid"])


def test_a_matrix_is_drawn_as_log10_with_what_is_special_apart() -> None:
    values: list[list[float | None]] = [[0.01, 0.0, None], [math.inf, math.nan, 0.1]]
    figure = sweep_matrix.draw(values, value="final_loss", x=X, y=("length", ["10", "20"]))
    cells, *masks = figure.data
    np.testing.assert_array_equal(cells.z, [[-2, np.nan, np.nan], [np.nan, np.nan, -1]])
    assert [list(row) for row in cells.text] == [["0.01", "0", ""], ["∞", "nan", "0.1"]]
    assert (cells.zmin, cells.zmax) == (-2, -1)
    assert cells.colorbar.title.text == "log<sub>10</sub> final loss"
    assert [mask.name for mask in masks] == ["exact zero", "not finite"]
    assert list(figure.layout.xaxis.ticktext) == X[1]


@pytest.mark.parametrize(("value", "limits"), [("success", (0, 1)), ("reach", (0, 49))])
def test_a_plain_value_has_a_fixed_scale(value: str, limits: tuple[float, float]) -> None:
    figure = sweep_matrix.draw([[0.5, 1.0, 0.0]], value=value, x=X, y=("", [""]), longest=49)
    assert (figure.data[0].zmin, figure.data[0].zmax) == limits
    assert list(figure.data[0].z[0]) == [0.5, 1.0, 0.0]
    assert "clamped" not in figure.layout.title.text


@pytest.mark.parametrize(
    ("value", "cells", "limits"),
    [
        ("final_loss", [0.4667, 0.3, 0.12], (-1, 0)),
        ("final_loss", [0.4667, 0.3, 0.05], (-1.5, 0)),
        ("final_loss", [0.1, 0.1, 0.1], (-1.5, -0.5)),
        ("final_loss", [1e-9, 1e-8, 1e-7], (-4, -3.5)),
        ("span", [-2.0, -0.3, 0.0], (-2, 2)),
        ("decay", [0.97, 0.99, 1.0], (-0.1, 0.1)),
    ],
)
def test_a_scale_of_logarithms_holds_the_cells_in_steps_of_its_own(
    value: str, cells: list[float | None], limits: tuple[float, float]
) -> None:
    figure = sweep_matrix.draw([cells], value=value, x=X, y=("", [""]))
    assert (figure.data[0].zmin, figure.data[0].zmax) == pytest.approx(limits)


@pytest.mark.parametrize(
    ("value", "cells", "kind"),
    [
        ("final_loss", [2.0, 0.5, 1.0], "magnitude"),
        ("final_loss", [0.1, 0.2, 0.3], "magnitude"),
        ("span", [-2.0, -0.3, 0.0], "ratio"),
        ("decay", [0.97, 0.99, 1.0], "ratio"),
    ],
)
def test_only_what_has_a_middle_is_coloured_to_both_sides_of_it(
    value: str, cells: list[float | None], kind: Literal["ratio", "magnitude"]
) -> None:
    figure = sweep_matrix.draw([cells], value=value, x=X, y=("", [""]))
    wanted = [tuple(each) for each in palette.colorscale(kind)]
    assert list(figure.data[0].colorscale) == wanted


def test_a_value_beyond_the_scale_is_said_to_be_clamped() -> None:
    figure = sweep_matrix.draw([[1e9, 1, 1]], value="final_loss", x=X, y=("", [""]))
    assert "clamped" in figure.layout.title.text


def test_a_span_that_no_number_holds_is_no_exact_zero() -> None:
    cells, *masks = sweep_matrix.draw(
        [[-400.5, -math.inf, 0.5]], value="span", x=X, y=("", [""])
    ).data
    assert list(cells.text[0]) == ["3.162e-401", "0", "3.162"]
    np.testing.assert_array_equal(cells.z[0], [-400.5, np.nan, 0.5])
    assert [mask.name for mask in masks] == ["exact zero"]


@pytest.mark.parametrize("value", VALUES)
def test_every_value_of_a_sweep_can_be_drawn(value: str) -> None:
    look = sweep_matrix.LOOKS[value]
    assert look.logs in ("", *VALUES)
    assert sweep_matrix.draw([[0.5]], value=value, x=("", ["a"]), y=("", [""])).data


def test_nothing_yet_is_said_in_words() -> None:
    empty = sweep_matrix.draw([[None]], value="span", x=("seed", ["0"]), y=("", [""]))
    assert empty.layout.annotations[0].text == sweep_matrix.NOT_YET
    assert success_by_lag.draw({}).layout.annotations[0].text == success_by_lag.NOT_YET


def test_a_models_line_goes_by_its_lags_with_its_interval() -> None:
    figure = success_by_lag.draw({"lstm": [(90, 0.5, 0.2, 0.9), (9, 1.0, 0.4, 1.0)]})
    (line,) = figure.data
    assert (list(line.x), list(line.y)) == ([9, 90], [1.0, 0.5])
    np.testing.assert_allclose(line.error_y.array, [0, 0.4])
    np.testing.assert_allclose(line.error_y.arrayminus, [0.6, 0.3])


def test_where_all_models_need_one_lag_each_has_a_row_with_its_share_and_interval() -> None:
    models = {
        "activation tanh, optimizer adam, learning rate 0.1": [(49, 0.5, 0.1, 0.9)],
        "activation relu, optimizer adam, learning rate 0.01": [(49, 1.0, 0.3, 1.0)],
    }
    figure = success_by_lag.draw(models)
    (rows,) = figure.data
    assert (list(rows.x), list(rows.y), list(rows.text)) == ([0.5, 1.0], [0, 1], list(models))
    np.testing.assert_allclose(rows.error_x.array, [0.4, 0.0])
    np.testing.assert_allclose(rows.error_x.arrayminus, [0.4, 0.7])
    # What both say is no part of a row's name; the first row is at the top.
    assert list(figure.layout.yaxis.ticktext) == ["tanh, 0.1", "relu, 0.01"]
    assert figure.layout.yaxis.title.text == "activation, learning rate"
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert figure.layout.xaxis.title.text.endswith("needed lag 49")


def test_of_many_rows_some_have_their_names() -> None:
    figure = success_by_lag.draw({f"seed {n}": [(9, 0.0, 0.0, 0.5)] for n in range(30)})
    assert list(figure.layout.yaxis.ticktext)[:2] == ["0", "3"]


@pytest.mark.parametrize("names", [["a", "a b"], ["a, b", "c"]])
def test_names_that_cannot_be_told_apart_by_their_parts_stay_whole(names: list[str]) -> None:
    assert success_by_lag.short_names(names) == ("", names)
