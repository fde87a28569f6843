"""What each figure says: its data is the statistic's, special cells are drawn apart."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.figures import FIGURES, FigureOptions
from app.figures.base import RunData
from app.figures.layout import round_ticks, step_ticks
from app.figures.picture import Picture
from tests.app.figures.make_runs import Recorded, linear_run, with_slice, without_frames

# So many letters stand on one line under the title of a panel, by its width at 1440 pixels.
MOST_GLANCED = {"wide": 84, "third": 58, "quarter": 38}
NARROW_PANELS = {
    "decay": "third",
    "loss_state_gradient": "third",
    "activation_slope_histogram": "quarter",
    "accuracy": "third",
    "learning_rate": "third",
    "dead_units": "third",
    "jacobian_product_norm": "third",
    "lyapunov_spectrum": "quarter",
}


def trace(figure: Picture, role: str) -> Any:  # noqa: ANN401  # any kind of trace
    return next(t for t in figure.data if t.meta["role"] == role)


def draw(name: str, *runs: RunData, **options: Any) -> Picture:  # noqa: ANN401
    return FIGURES[name].draw(list(runs), FigureOptions(**options))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_its_key_a_title_and_says_how_to_read_it(name: str) -> None:
    definition = FIGURES[name]
    assert definition.name == name
    assert definition.title
    assert definition.how_to_read.endswith(".")
    assert definition.at_a_glance.endswith(".")
    assert len(definition.at_a_glance) <= MOST_GLANCED[NARROW_PANELS.get(name, "wide")]
    fewest = 1 if definition.needs else 0
    assert fewest <= definition.runs[0] <= definition.runs[1]


@pytest.mark.parametrize(
    "name",
    ["hidden_gradient_norm", "hidden_gradient", "loss_state_gradient", "activation_comparison"],
)
def test_a_heatmap_is_a_heatmap_of_the_recorded_float32(name: str) -> None:
    drawn = draw(name, linear_run([0.5, 0.9]))
    heatmap = trace(drawn, "gradient")
    assert heatmap.type == "heatmap"
    assert np.asarray(heatmap.z).dtype == np.float32


def test_magnitude_is_the_recorded_log10_itself() -> None:
    run = linear_run([0.5, 0.9])
    z = np.asarray(trace(draw("hidden_gradient_norm", run, mode="magnitude"), "gradient").z)
    np.testing.assert_array_equal(z, run.slices["hidden_gradient_norm"].values[:, 0].T)


def test_ratio_is_zero_decades_at_the_last_time_asked() -> None:
    z = np.asarray(
        trace(draw("hidden_gradient_norm", linear_run([0.5, 3.0]), mode="ratio"), "gradient").z
    )
    np.testing.assert_array_equal(z[-1], [0, 0])
    np.testing.assert_allclose(z[0], 11 * np.log10([0.5, 3.0]), rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "role"), [(-np.inf, "zero"), (np.nan, "nonfinite"), (np.inf, "nonfinite")]
)
@pytest.mark.parametrize(
    "name", ["hidden_gradient_norm", "hidden_gradient", "activation_comparison"]
)
def test_a_special_cell_has_its_own_trace(name: str, value: float, role: str) -> None:
    run = linear_run([0.5], length=6)
    source = "hidden_gradient" if name == "hidden_gradient" else "hidden_gradient_norm"
    values = np.array(run.slices[source].values)
    values[0, 0, 2] = value
    drawn = draw(name, with_slice(run, source, values))
    box = trace(drawn, role)
    along_time = np.asarray(box.x if name == "hidden_gradient" else box.y, dtype=float)
    assert (np.nanmin(along_time), np.nanmax(along_time)) == (2.5, 3.5)
    others = {"zero", "below", "nonfinite"} - {role}
    assert all(len(trace(drawn, other).x) == 0 for other in others)


def test_entries_at_the_floor_of_their_row_are_below_resolution_and_not_zero() -> None:
    run = linear_run([1.0], length=4, units=3)
    values = np.array(run.slices["hidden_gradient"].values)
    values[0, 0, 1, 2] = values[0, 0, 1].max() - 100 * np.log10(2)
    drawn = draw("hidden_gradient", with_slice(run, "hidden_gradient", values))
    assert np.nanmin(trace(drawn, "below").x) == 1.5
    assert len(trace(drawn, "zero").x) == 0


def test_the_future_is_left_blank_and_is_not_called_nan() -> None:
    drawn = draw("loss_state_gradient", linear_run([0.5], length=5))
    z = np.asarray(trace(drawn, "gradient").z)
    assert np.isnan(z[np.triu_indices(5, 1)]).all()
    assert len(trace(drawn, "nonfinite").x) == 0
    assert "future" in drawn.layout.annotations[0].text


def test_a_nan_in_the_past_is_drawn_although_the_future_is_nan_too() -> None:
    run = linear_run([0.5], length=5)
    values = np.array(run.slices["loss_state_gradient"].values)
    values[0, 0, 4, 1] = np.nan
    drawn = draw("loss_state_gradient", with_slice(run, "loss_state_gradient", values))
    box = trace(drawn, "nonfinite")
    assert (min(box.x), max(box.x), min(box.y), max(box.y)) == (1.5, 2.5, 4.5, 5.5)


def test_rows_of_losses_that_nobody_asks_for_are_left_out() -> None:
    drawn = draw("loss_state_gradient", linear_run([0.5], length=5, asked="last"))
    assert list(trace(drawn, "gradient").y) == [5]
    assert "alone" in drawn.layout.annotations[0].text


def test_units_are_sorted_with_the_smallest_at_the_bottom() -> None:
    run = linear_run([0.5], units=4)
    values = np.array(run.slices["hidden_gradient"].values)[..., [2, 0, 3, 1]]
    drawn = draw("hidden_gradient", with_slice(run, "hidden_gradient", values))
    assert drawn.layout.meta["order"] == [1, 3, 0, 2]


def test_decay_shows_measured_latest_bound_and_radius() -> None:
    drawn = draw("decay", linear_run([0.5, 0.8], length=11), step=0)
    np.testing.assert_allclose(trace(drawn, "measured").y, np.arange(11) * np.log10(0.5), rtol=1e-6)
    np.testing.assert_allclose(trace(drawn, "latest").y, np.arange(11) * np.log10(0.8), rtol=1e-6)
    assert trace(drawn, "bound").y[1] == pytest.approx(10 * np.log10(1.5))
    assert trace(drawn, "radius").y[1] == pytest.approx(10 * np.log10(0.9))


def test_the_bound_of_a_sigmoid_is_a_quarter_of_the_largest_singular_value() -> None:
    drawn = draw("decay", linear_run([0.5], activation="sigmoid"))
    assert drawn.layout.meta["bound"] == pytest.approx(0.375)


def test_what_is_zero_or_not_finite_stands_on_the_rails_of_the_decay() -> None:
    run = linear_run([0.5], length=5)
    values = np.array(run.slices["last_loss_gradient"].values)
    values[0, 0, :2] = [np.nan, -np.inf]
    drawn = draw("decay", with_slice(run, "last_loss_gradient", values))
    assert list(trace(drawn, "zero-points").x) == [3]
    assert list(trace(drawn, "nonfinite-points").x) == [4]


def test_a_loss_without_a_state_before_it_is_said_to_have_no_distance() -> None:
    drawn = draw("decay", linear_run([0.5, 0.9], length=1, asked="last"))
    assert drawn.layout.meta["empty"]
    assert drawn.layout.annotations[0].text == "The last loss is at t = 1: no state lies before it"
    assert {"verdict", "spectral_radius"} <= drawn.layout.meta.keys()


def test_a_layer_that_reads_from_the_end_says_that_its_loss_is_at_its_start() -> None:
    run = linear_run([0.5, 0.9], asked="last")
    old = run.slices["last_loss_gradient"]
    values = np.where(np.arange(12) < 11, -np.inf, np.asarray(old.values))
    backwards = Recorded(
        name=old.name, axes=tuple(old.axes), coords={**old.coords, "layer": ("0r",)}, values=values
    )
    facts = {**run.facts, "first_asked": 12}
    told = replace(run, facts=facts, slices={**run.slices, old.name: backwards})
    drawn = draw("decay", told, layer="0r")
    assert drawn.layout.meta["empty"]
    assert drawn.layout.annotations[0].text.startswith("This layer reads from the end")


def test_slopes_add_up_and_the_saturated_part_is_said() -> None:
    drawn = draw("activation_slope_histogram", linear_run([0.5]))
    shares = np.concatenate([t.y for t in drawn.data])
    assert shares.sum() == pytest.approx(100)
    assert drawn.layout.meta["saturated"] == pytest.approx(25)


def test_an_identity_has_no_saturated_part() -> None:
    drawn = draw("activation_slope_histogram", linear_run([0.5], activation="identity"))
    assert drawn.layout.meta["saturated"] is None
    assert len(trace(drawn, "saturated").x) == 0


def test_the_comparison_has_a_column_for_each_activation() -> None:
    runs = [linear_run([f], activation=a) for f, a in ((0.2, "sigmoid"), (0.9, "relu"))]
    drawn = draw("activation_comparison", *runs)
    assert list(drawn.layout.xaxis.ticktext) == ["sigmoid", "relu"]
    z = np.asarray(trace(drawn, "gradient").z)
    for column, run in enumerate(runs):
        np.testing.assert_array_equal(
            z[:, column], run.slices["hidden_gradient_norm"].values[-1, 0]
        )


def test_runs_with_the_same_activation_are_told_apart_by_name() -> None:
    runs = [linear_run([0.5], name="first"), linear_run([0.6], name="second")]
    drawn = draw("activation_comparison", *runs)
    assert list(drawn.layout.xaxis.ticktext) == ["tanh<br>first", "tanh<br>second"]


def test_a_shorter_run_leaves_its_column_blank_above_its_end() -> None:
    drawn = draw("activation_comparison", linear_run([0.5], length=3), linear_run([0.5], length=6))
    z = np.asarray(trace(drawn, "gradient").z)
    assert np.isnan(z[3:, 0]).all()
    assert np.isfinite(z[:, 1]).all()
    assert len(trace(drawn, "nonfinite").x) == 0


def test_a_shorter_run_keeps_its_last_time_in_a_block_that_it_ends_in() -> None:
    runs = [linear_run([0.99], length=701, units=1), linear_run([0.99], length=1000, units=1)]
    drawn = draw("activation_comparison", *runs)
    z = np.asarray(trace(drawn, "gradient").z)
    rows = np.asarray(trace(drawn, "gradient").y)
    assert drawn.layout.meta["pooled"] == 2
    np.testing.assert_array_equal(np.isnan(z[:, 0]), rows > 702)
    assert np.isfinite(z[:, 1]).all()


def test_a_share_that_is_not_a_number_is_marked() -> None:
    run = linear_run([0.5, 0.6], length=4)
    values = np.array(run.slices["saturation"].values)
    values[-1, 0, 2:] = np.nan
    drawn = draw("saturation", with_slice(run, "saturation", values))
    assert len(trace(drawn, "nonfinite").x) > 0
    assert len(trace(draw("saturation", run), "nonfinite").x) == 0


def test_runs_side_by_side_share_one_colour_scale() -> None:
    drawn = draw("hidden_gradient_norm", linear_run([0.1]), linear_run([2.0]), mode="ratio")
    heatmaps = [t for t in drawn.data if t.type == "heatmap"]
    assert [(t.zmin, t.zmax, t.xaxis) for t in heatmaps] == [(-8, 8, "x"), (-8, 8, "x3")]


def test_the_heatmap_tells_at_each_frame_the_mean_of_the_last_100_losses() -> None:
    run = linear_run([0.5, 0.6, 0.7], every=80)
    losses = np.array(run.slices["loss"].values)
    told = draw("hidden_gradient_norm", run).layout.meta["recent_losses"]
    ends = [1, 81, min(161, losses.size)]
    assert told == pytest.approx([losses[max(0, end - 100) : end].mean() for end in ends])
    losses[-1] = np.inf
    told = draw("hidden_gradient_norm", with_slice(run, "loss", losses)).layout.meta
    assert told["recent_losses"][-1] == "Infinity"


def test_a_loss_that_is_not_finite_is_a_cross_on_the_rail() -> None:
    run = linear_run([0.5, 0.5])
    values = np.array(run.slices["loss"].values)
    values[-1] = np.inf
    drawn = draw("loss", with_slice(run, "loss", values))
    crosses = trace(drawn, "nonfinite-points")
    assert (list(crosses.x), list(crosses.text)) == ([10], ["inf"])
    assert np.isfinite(crosses.y).all()


@pytest.mark.parametrize(
    ("low", "high"), [(0.16, 0.19), (0.9, 1.4), (0.02, 5.0), (2.0, 2.01), (1e-9, 1.0)]
)
def test_a_true_log_axis_has_two_ticks_at_least(low: float, high: float) -> None:
    ticks = round_ticks(low, high)
    within = [v for v in ticks["tickvals"] if low * 0.9 <= v <= high * 1.1]
    assert len(within) >= 2
    assert len(set(ticks["ticktext"])) == len(ticks["ticktext"])


@pytest.mark.parametrize("end", [0, 1, 2, 7, 100, 399, 3000])
def test_ticks_of_steps_are_whole_and_hold_the_first_and_the_last(end: int) -> None:
    ticks = step_ticks(end)["tickvals"]
    assert (ticks[0], ticks[-1]) == (0, end)
    assert all(isinstance(tick, int) for tick in ticks)
    assert len(ticks) <= 8


def test_two_frames_have_whole_steps_under_the_saturation() -> None:
    drawn = draw("saturation", linear_run([0.5, 0.6], every=1, status="succeeded"))
    assert list(drawn.layout.xaxis.tickvals) == [0, 1]


def test_a_task_that_asks_often_says_that_the_heatmap_is_of_all_losses() -> None:
    run = linear_run([0.5])
    often = replace(run, facts={**run.facts, "asked": 12})
    assert "all losses" in draw("hidden_gradient_norm", often).layout.title.text
    assert "all losses" not in draw("hidden_gradient_norm", run).layout.title.text


@pytest.mark.parametrize(
    ("factor", "words"),
    [(0.1, "10<sup>−3</sup>"), (0.5, "0.12"), (1.2, "1.7"), (1, "1"), (7, "343")],
)
def test_the_number_over_a_column_is_the_span_of_the_last_loss(factor: float, words: str) -> None:
    run = linear_run([factor], length=4)
    norms = np.zeros_like(run.slices["hidden_gradient_norm"].values)
    drawn = draw("activation_comparison", with_slice(run, "hidden_gradient_norm", norms))
    assert drawn.layout.annotations[0].text == words


def test_a_frame_that_is_not_finite_has_the_figures_of_the_last_finite_one() -> None:
    run = linear_run([0.5, np.nan], length=5, status="diverged")
    before = {"word": "fading", "sentence": "What was.", "step": 0, "span": 0.06}
    stored = {**before, "word": "not finite", "sentence": "At step 10 … Before: What was."}
    config = {"task": {"kind": "adding", "length": 5}, "model": {"cell": "elman"}}
    found = draw("decay", replace(run, config=config, verdict=stored)).layout.meta["verdict"]
    assert (found["word"], found["span"]) == ("not finite", 0.06)
    assert found["sentence"].endswith("no longer finite. Before: What was.")


@pytest.mark.parametrize(("step", "kinds"), [(0, None), (10, ["not_learning"])])
def test_the_kinds_stand_on_the_frame_that_the_runs_verdict_is_on(
    step: int, kinds: list[str] | None
) -> None:
    config = {"task": {"kind": "adding", "length": 5}, "model": {"cell": "elman"}}
    stored = {"word": "fading", "step": 10, "kinds": ["not_learning"]}
    run = replace(linear_run([0.5, 0.6], length=5), config=config, verdict=stored)
    assert draw("decay", run, step=step).layout.meta["verdict"].get("kinds") == kinds


def test_the_chosen_step_is_the_last_recorded_one_that_is_not_beyond_it() -> None:
    drawn = draw("hidden_gradient", linear_run([0.5, 0.6, 0.7]), step=17)
    assert drawn.layout.meta["step"] == 10


def test_columns_above_the_screen_are_pooled_and_said_to_be() -> None:
    drawn = draw("hidden_gradient_norm", linear_run([0.9] * 1200, length=3, every=1))
    assert np.asarray(trace(drawn, "gradient").z).shape[1] == 400
    assert "largest of 3" in " ".join(note.text for note in drawn.layout.annotations)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("queued", "the run waits in the queue"),
        ("running", "the first arrives after 1 step"),
        ("paused", "the run is paused, and nothing arrives until it goes on"),
        ("interrupted", "the run lost its worker and waits for another"),
        ("failed", "ended before its first frame: nothing was recorded"),
        ("cancelled", "ended before its first frame: nothing was recorded"),
    ],
)
def test_a_figure_without_frames_says_what_it_waits_for(status: str, words: str) -> None:
    run = without_frames(linear_run([0.5], length=4), status)
    drawn = draw("hidden_gradient", run)
    assert words in drawn.layout.annotations[0].text
