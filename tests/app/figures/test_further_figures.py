"""The figures of the further tabs hold the statistic's own numbers, on scales that stay."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import engine
from app.figures import FIGURES
from app.figures.base import RunData
from app.figures.clipping import clipped_share
from app.figures.gain_factors import averaged
from app.figures.picture import Picture
from tests.app.figures.make_runs import Recorded, linear_run, picked, with_slice
from tests.app.figures.test_figures import draw, trace


@pytest.mark.parametrize(
    "name", ["immediate_gradient_norm", "cell_gradient_norm", "output_gradient_norm"]
)
def test_a_norm_over_the_training_is_the_recorded_one(name: str) -> None:
    run = linear_run([0.5, 0.9], length=6)
    z = np.asarray(trace(draw(name, run, mode="magnitude"), "gradient").z)
    wanted = np.asarray(run.slices[name].values).reshape(2, 6)
    np.testing.assert_array_equal(z, wanted.T)


@pytest.mark.parametrize(
    ("name", "limits"), [("activation", (-1, 1)), ("activation_slope", (0, 1)), ("gate", (-1, 1))]
)
def test_a_plain_map_holds_the_numbers_on_a_scale_of_its_own(
    name: str, limits: tuple[float, float]
) -> None:
    run = linear_run([0.5], length=6, units=3)
    shown = run if name != "gate" else picked(run, "gate", "gate", "g")
    drawn = trace(draw(name, shown), "plain")
    values = np.asarray(shown.slices[name].values).reshape(6, 3)
    np.testing.assert_array_equal(drawn.z, values.T)
    assert (drawn.zmin, drawn.zmax) == limits


def test_an_activation_without_an_end_is_clamped_and_says_so() -> None:
    run = linear_run([0.5], length=4, units=2, activation="relu")
    drawn = trace(
        draw("activation", with_slice(run, "activation", np.full((1, 1, 4, 2), 9.0))), "plain"
    )
    assert (drawn.zmin, drawn.zmax) == (-4, 4)
    assert "clamped" in drawn.colorbar.title.text


def test_the_slope_of_a_sigmoid_ends_at_a_quarter() -> None:
    drawn = draw("activation_slope", linear_run([0.5], activation="sigmoid"))
    assert trace(drawn, "plain").zmax == 0.25


def test_the_stack_of_gain_factors_multiplies_to_the_gain() -> None:
    run = linear_run([0.5], length=6)
    drawn = draw("gain_factors", run)
    bars = [t for t in drawn.data if t.type == "bar"]
    assert [bar.name for bar in bars] == ["slope φ′", "weights"]
    total = np.sum([bar.y for bar in bars], axis=0)
    np.testing.assert_allclose(trace(drawn, "norm").y, total, rtol=1e-6)
    np.testing.assert_allclose(bars[0].customdata, np.exp(-0.5), rtol=1e-6)


def test_a_time_step_at_which_no_sample_has_a_gain_is_a_cross() -> None:
    run = linear_run([0.5], length=6)
    values = np.array(run.slices["gain_factors"].values)
    values[0, 0, 2] = np.nan
    drawn = draw("gain_factors", with_slice(run, "gain_factors", values))
    assert list(trace(drawn, "nonfinite-points").x) == [3]


def test_what_arrives_after_nothing_was_left_is_beyond_any_number() -> None:
    run = linear_run([0.5])
    values = np.array(run.slices["gain_factors"].values, dtype=np.float64)
    values[..., 2, 4] = 2763.0  # ln of 1 against 1e-1200
    arriving = draw("gain_factors", with_slice(run, "gain_factors", values)).data
    bar = next(one for one in arriving if one.name == "arriving")
    assert bar.customdata[2] == np.inf
    assert bar.y[2] == 2763.0


def test_more_stacks_than_a_screen_shows_are_averaged() -> None:
    values, times, block = averaged(np.ones((1000, 2)), np.arange(1, 1001.0))
    assert (values.shape, block, times[0]) == ((200, 2), 5, 3.0)


def test_singular_values_are_coloured_around_one_with_the_largest_on_top() -> None:
    run = linear_run([0.5], length=5, units=4)
    drawn = draw("jacobian_singular_values", run, mode="ratio")
    cells = trace(drawn, "plain")
    values = np.asarray(run.slices["jacobian_singular_values"].values)[0, 0]
    np.testing.assert_array_equal(cells.z, values.T)
    assert (cells.zmin, cells.zmax) == (-2, 2)
    assert tuple(drawn.layout.yaxis.range) == (4.5, 0.5)


def test_the_product_of_jacobians_stands_beside_its_bound() -> None:
    drawn = draw("jacobian_product_norm", linear_run([0.5], length=6))
    np.testing.assert_allclose(trace(drawn, "measured").y, -0.3 * np.arange(6), rtol=1e-6)
    np.testing.assert_allclose(trace(drawn, "bound").y, 0.1 * np.arange(6), rtol=1e-6)


def test_the_product_over_a_long_sequence_has_no_more_points_than_a_screen() -> None:
    found = draw("jacobian_product_norm", linear_run([0.99], length=5000, units=1)).data
    sizes = {line.name: len(line.x) for line in found}
    assert max(sizes.values()) <= 2000
    measured = next(line for line in found if line.name == "measured")
    assert (measured.x[0], measured.x[-1]) == (0, 4999)


def test_a_state_that_nothing_reaches_is_a_zero_on_the_lower_rail() -> None:
    run = linear_run([0.5], length=6)
    values = np.array(run.slices["jacobian_product_norm"].values)
    values[0, 0, :2] = -np.inf
    drawn = draw("jacobian_product_norm", with_slice(run, "jacobian_product_norm", values))
    assert list(trace(drawn, "zero-points").x) == [4, 5]


def test_exponents_show_the_chosen_frame_over_the_latest() -> None:
    drawn = draw("lyapunov_spectrum", linear_run([0.5, 0.6], units=4), step=0)
    assert [t.name for t in drawn.data if t.meta["role"] != "nonfinite-points"] == [
        "step 10",
        "step 0",
    ]
    np.testing.assert_allclose(trace(drawn, "measured").y, np.linspace(0.2, -1, 4), rtol=1e-6)


def test_path_terms_are_of_the_chosen_parameter() -> None:
    run = linear_run([0.5], length=5)
    drawn = draw("path_gradient", picked(run, "path_gradient", "parameter", "weight_hh_l0"))
    z = np.asarray(trace(drawn, "gradient").z)
    assert drawn.layout.meta["parameter"] == "weight_hh_l0"
    assert z[4, 0] == pytest.approx(-0.2 * 4 - 1)


def test_a_parameter_has_a_line_with_the_seeds_letter() -> None:
    drawn = draw("parameter_gradient_norm", linear_run([0.5, 0.6]))
    assert [t.name for t in drawn.data if t.meta["role"] == "line"] == ["U", "W", "V"]


def test_clipping_shows_before_and_after_and_how_often() -> None:
    run = linear_run([0.5, 0.6])
    factors = np.array([0.1, 1.0, 0.5] + [1.0] * 8)
    drawn = draw("clipping", with_slice(run, "clip_factor", factors))
    before, after = (t for t in drawn.data if t.meta["role"] == "line")
    np.testing.assert_allclose(np.asarray(after.y) - np.asarray(before.y), np.log10(factors))
    assert drawn.layout.meta["clipped"] == pytest.approx(2 / 11)


def test_an_infinite_norm_leaves_nothing_finite_after_clipping() -> None:
    run = linear_run([0.5])
    norms = np.array(run.slices["gradient_norm"].values)
    factors = np.array(run.slices["clip_factor"].values)
    norms[-1], factors[-1] = np.inf, 0.0
    run = with_slice(with_slice(run, "gradient_norm", norms), "clip_factor", factors)
    after = next(line for line in draw("clipping", run).data if line.name == "after")
    assert np.isnan(after.y[-1])


def test_the_share_of_clipped_steps_looks_back_a_hundred() -> None:
    share = clipped_share(np.array([0.5] * 100 + [1.0] * 100))
    assert (share[0], share[99], share[149], share[199]) == (1, 1, 0.5, 0)


def test_the_threshold_of_clipping_is_a_rule() -> None:
    run = linear_run([0.5, 0.6])
    training: dict[str, Any] = {"clipping": {"kind": "norm", "threshold": 0.1}}
    drawn = draw("clipping", replace(run, config={**run.config, "training": training}))
    assert drawn.layout.shapes[0].y0 == pytest.approx(-1)


def test_the_line_that_weights_must_pass_is_one_over_gamma() -> None:
    drawn = draw("weight_geometry", linear_run([0.5], activation="sigmoid"))
    assert drawn.layout.meta["critical"] == 4
    assert drawn.layout.shapes[0].y0 == 4


def lines_of(drawn: Picture) -> dict[str, int]:
    return {role: len(trace(drawn, role).x) for role in ("bound", "radius")}


def with_model(run: RunData, **model: Any) -> RunData:  # noqa: ANN401  # fields of a configuration
    return replace(run, config={**run.config, "model": {**run.config["model"], **model}})


def stacked(run: RunData, name: str) -> RunData:
    """The same run with a second layer like the first in one slice."""
    old = run.slices[name]
    values = np.repeat(old.values, 2, axis=list(old.axes).index("layer"))
    coords = {**old.coords, "layer": (0, 1)}
    new = Recorded(name=name, axes=tuple(old.axes), coords=coords, values=values)
    return replace(run, slices={**run.slices, name: new})


@pytest.mark.parametrize(
    ("cell", "lines"),
    [
        ("elman", {"bound": 2, "radius": 2}),
        ("orthogonal", {"bound": 2, "radius": 2}),
        ("indrnn", {"bound": 2, "radius": 2}),
        ("leaky", {"bound": 2, "radius": 0}),  # what leaks passes W by
        ("residual", {"bound": 2, "radius": 0}),
        ("skip", {"bound": 0, "radius": 0}),
    ],
)
def test_the_decay_has_the_bound_that_its_cell_has(cell: str, lines: dict[str, int]) -> None:
    assert lines_of(draw("decay", with_model(linear_run([0.5]), cell=cell))) == lines


def test_no_bound_is_drawn_over_a_layer_under_another() -> None:
    run = with_model(linear_run([0.5]), layers=2)
    run = stacked(stacked(run, "last_loss_gradient"), "weight_geometry")
    assert lines_of(draw("decay", run, layer=1)) == {"bound": 2, "radius": 2}
    assert lines_of(draw("decay", run, layer=0)) == {"bound": 0, "radius": 0}


@pytest.mark.parametrize(
    ("cell", "critical"), [("elman", 1.0), ("leaky", 1.0), ("residual", None), ("skip", None)]
)
def test_weights_have_a_critical_norm_only_where_it_makes_vanishing_certain(
    cell: str, critical: float | None
) -> None:
    drawn = draw("weight_geometry", with_model(linear_run([0.5]), cell=cell))
    assert drawn.layout.meta["critical"] == critical
    assert len(drawn.layout.shapes) == (0 if critical is None else 1)


@pytest.mark.parametrize("name", [n for n in FIGURES if FIGURES[n].runs[0] == 1])
def test_what_a_run_did_not_record_is_said_with_the_statistics_name(name: str) -> None:
    run = replace(linear_run([0.5]), slices={}, recorded=frozenset({"nothing"}))
    meta = draw(name, run).layout.meta
    assert meta["empty"]
    assert meta.get("missing") in {None, *FIGURES[name].needs}
    assert (meta.get("missing") is None) == (name == "loss")


def test_what_is_listed_and_has_no_array_is_not_defined_for_the_network() -> None:
    run = linear_run([0.5])
    config = {**run.config, "recording": {"statistics": ["cell_gradient_norm"]}}
    bare = replace(run, slices={}, recorded=frozenset(), config=config)
    drawn = draw("cell_gradient_norm", bare)
    assert "not defined for this network" in drawn.layout.annotations[0].text


def test_the_terms_of_the_readout_have_the_present_alone() -> None:
    run = linear_run([0.5], length=5)
    drawn = draw("path_gradient", picked(run, "path_gradient", "parameter", "readout.weight"))
    z = np.asarray(trace(drawn, "gradient").z)
    np.testing.assert_array_equal(np.isnan(z), ~np.eye(5, dtype=bool))
    assert len(trace(drawn, "nonfinite").x) == 0


def test_what_is_nowhere_a_number_is_not_defined_for_the_network() -> None:
    run = linear_run([0.5, 0.6], length=5)
    bare = with_slice(run, "cell_gradient_norm", np.full((2, 1, 5), np.nan))
    drawn = draw("cell_gradient_norm", bare)
    assert "not defined for this network" in drawn.layout.annotations[0].text


def test_pre_activations_stand_over_the_slope_and_the_tails_are_told() -> None:
    drawn = draw("preactivation_histogram", linear_run([0.5], length=4))
    assert np.nanmax(trace(drawn, "plain").z) == pytest.approx(0.6)
    assert drawn.layout.meta["beyond"] == pytest.approx(0.1)
    assert max(trace(drawn, "measured").x) == 1


def test_entries_of_a_gradient_are_shares_with_the_zeros_apart() -> None:
    drawn = draw("parameter_gradient_histogram", linear_run([0.5]))
    z = np.asarray(trace(drawn, "plain").z)
    np.testing.assert_allclose(z.sum(axis=1), 0.75)
    assert drawn.layout.yaxis.ticktext[0] == "U<br>25% zero"


def test_a_difference_is_the_second_run_less_the_first() -> None:
    runs = [linear_run([0.1, 0.1, 0.1], length=4), linear_run([0.5, 0.1], length=4)]
    drawn = draw("gradient_difference", *runs)
    cells = trace(drawn, "plain")
    z = np.asarray(cells.z)
    assert list(cells.x) == [0, 10]
    np.testing.assert_allclose(z[:, 0], np.log10(5) * np.arange(3, -1, -1), rtol=1e-5)
    np.testing.assert_array_equal(z[:, 1], 0)
    assert (cells.zmin, cells.zmax) == (-8, 8)


def falling(run: RunData, losses: Sequence[float]) -> RunData:
    """The same run with one loss before each of its frames, 200 training steps apart."""
    series = np.repeat(np.array(losses, dtype=np.float64), 200)[199:]
    return with_slice(run, "loss", series)


def test_by_loss_each_run_stands_where_it_first_comes_down_to_the_columns_loss() -> None:
    slow = falling(linear_run([0.1, 0.2, 0.3], length=4, every=200), [1.0, 0.1, 0.01])
    fast = falling(linear_run([0.5, 0.6, 0.7], length=4, every=200), [1.0, 0.01, 0.001])
    drawn = draw("gradient_difference", slow, fast, align="loss")
    cells = trace(drawn, "plain")
    z, x = np.asarray(cells.z), np.asarray(cells.x)
    np.testing.assert_allclose(x[[0, -1]], [-2, 0], atol=1e-12)  # no lower than both come
    lags = np.arange(3, -1, -1)
    np.testing.assert_allclose(z[:, -1], np.log10(0.5 / 0.1) * lags, rtol=1e-5)
    np.testing.assert_allclose(z[:, 0], np.log10(0.6 / 0.3) * lags, rtol=1e-5)
    # On the way the slow run has its second frame, while the fast one has its second, too.
    np.testing.assert_allclose(z[:, 25], np.log10(0.6 / 0.2) * lags, rtol=1e-5)
    assert drawn.layout.xaxis.range[0] > 0 > drawn.layout.xaxis.range[1]
    assert (drawn.layout.xaxis.ticktext[0], drawn.layout.xaxis.ticktext[-1]) == ("0.01", "1")


@pytest.mark.parametrize("losses", [[np.nan] * 3, [np.inf] * 3, [0.0] * 3])
def test_without_a_loss_to_come_down_to_nothing_is_compared_by_it(losses: list[float]) -> None:
    runs = [falling(linear_run([0.1, 0.2, 0.3], length=4, every=200), losses)] * 2
    drawn = draw("gradient_difference", *runs, align="loss")
    assert drawn.layout.annotations[0].text == "No loss that both runs have come down to yet"


def test_two_exact_zeros_do_not_differ_and_one_is_infinitely_far() -> None:
    run = linear_run([0.5], length=4)
    values = np.array(run.slices["hidden_gradient_norm"].values)
    values[0, 0, :2] = -np.inf
    zero = with_slice(run, "hidden_gradient_norm", values)
    values = values.copy()
    values[0, 0, 1] = 0.0
    drawn = draw("gradient_difference", with_slice(run, "hidden_gradient_norm", values), zero)
    assert np.asarray(trace(drawn, "plain").z)[0, 0] == 0
    assert np.nanmin(trace(drawn, "zero").y) == 1.5


def test_a_schedule_that_ends_at_zero_stands_on_the_lower_edge() -> None:
    run = linear_run([0.5, 0.6])
    rates = np.array(run.slices["learning_rate"].values)
    rates[-1] = 0.0
    drawn = draw("learning_rate", with_slice(run, "learning_rate", rates))
    np.testing.assert_allclose(trace(drawn, "line").y[:-1], np.log10(rates[:-1]))
    assert list(trace(drawn, "nonfinite-points").text) == ["exact zero"]


@pytest.mark.parametrize(("name", "words"), [("accuracy", "no classes"), ("dead_units", "die")])
def test_what_a_network_cannot_have_is_said_in_words(name: str, words: str) -> None:
    run = linear_run([0.5, 0.6])
    empty = with_slice(run, name, np.full_like(run.slices[name].values, np.nan))
    assert words in draw(name, empty).layout.annotations[0].text


def test_every_statistic_that_can_be_recorded_is_drawn() -> None:
    drawn = {name for figure in FIGURES.values() for name in figure.needs}
    counted = {name for name in engine.STATISTICS if name.endswith("_left_out")}
    assert set(engine.STATISTICS) - drawn - counted == {"baseline"}
