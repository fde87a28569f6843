"""A run in the list: its words, its numbers, its tiny picture."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.pages.index import ago_text, duration_text, run_row, summary_of
from app.pages.sparkline import HEIGHT, WIDTH, sparkline
from app.pages.verdicts import SPAN_WORDS, plain_number, quantity_of_log10, shown_verdict
from app.store import Run

# What words.test.mjs and verdicts.test.mjs hold the page's own words to.
FOLDER = Path(__file__).parents[2] / "js" / "vectors"
VECTORS = json.loads((FOLDER / "words.json").read_text())
VERDICTS = json.loads((FOLDER / "verdicts.json").read_text())
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
RUN = Run(
    id="1",
    number=1,
    name="a run",
    status="running",
    config={"task": {"kind": "temporal_order", "length": 100}, "model": {"cell": "gru"}},
    facts={"baseline": 1 / 6},
    tags=("x",),
    notes="",
    versions={},
    step=3,
    steps=10,
    eta_seconds=42.0,
    loss=0.25,
    final_loss=None,
    error=None,
    verdict=None,
    sparkline=None,
    created_at=NOW,
    started_at=NOW,
    finished_at=None,
    attempt=1,
    requested=None,
    queued_by=None,
    recorded_rows=0,
    recorded_series=0,
)


def points_of(path: str) -> list[tuple[float, float]]:
    pairs = path.replace("M", "L").split("L")[1:]
    return [(float(x), float(y)) for x, y in (pair.split() for pair in pairs)]


def test_a_running_run_says_how_long_it_takes() -> None:
    row = run_row(RUN)
    assert row.progress_text == "0:42 left"
    assert row.can_cancel


def test_a_row_tells_the_seed_in_which_runs_of_one_name_differ() -> None:
    rows = [run_row(replace(RUN, config={**RUN.config, "seed": seed})) for seed in (0, 1)]
    assert [row.summary for row in rows] == [
        "gru · temporal order T 100 · seed 0",
        "gru · temporal order T 100 · seed 1",
    ]


def test_a_run_that_is_over_says_how_long_it_took() -> None:
    row = run_row(replace(RUN, status="succeeded", finished_at=NOW + timedelta(seconds=72)))
    assert row.progress_text == "took 1:12"


@pytest.mark.parametrize("status", ["succeeded", "diverged", "failed", "cancelled"])
def test_a_run_that_is_over_can_be_deleted_only(status: str) -> None:
    row = run_row(replace(RUN, status=status, final_loss=0.125))
    assert (row.can_cancel, row.progress_text, row.loss) == (False, "", "0.125")


@pytest.mark.parametrize(("loss", "text"), [(math.inf, "∞"), (math.nan, "NaN"), (-math.inf, "−∞")])
def test_a_loss_that_is_not_finite_is_said(loss: float, text: str) -> None:
    assert run_row(replace(RUN, status="diverged", final_loss=loss)).loss == text


def test_the_last_line_of_a_traceback_is_the_error() -> None:
    row = run_row(replace(RUN, status="failed", error="Traceback\n  line\nMemoryError: no room"))
    assert row.error == "MemoryError: no room"


def test_a_row_without_a_verdict_shows_none() -> None:
    assert run_row(RUN).verdict is None


@pytest.mark.parametrize("case", VERDICTS, ids=lambda case: f"{case['word']} {case['kinds']}")
def test_a_verdict_is_worded_as_the_page_words_it(case: dict[str, Any]) -> None:
    told_of = {name: case[name] for name in ("word", "kinds", "sentence", "findings")}
    shown = shown_verdict(told_of)
    assert shown is not None
    assert shown.sentence == case["line"]
    word = shown.word
    told = [word.title, word.glyph, word.style, shown.troubles]
    assert told == [case["title"], case["glyph"], case["style"], case["troubles"]]


def test_a_diverged_runs_last_span_does_not_stand_beside_its_word() -> None:
    shown = shown_verdict({"word": "not finite", "kinds": ["diverged"], "log10_span": -400.0})
    assert shown is not None
    assert (shown.span, shown.troubles) == (None, "")


@pytest.mark.parametrize("word", list(SPAN_WORDS))
def test_every_word_of_the_scale_has_its_glyph(word: str) -> None:
    shown = shown_verdict({"word": word, "log10_span": -4.0, "sentence": "so"})
    assert shown is not None
    assert shown.word.glyph in "▼▽●△▲✕"
    assert shown.span == quantity_of_log10(-4.0)


def test_the_glyphs_are_all_different() -> None:
    assert len({word.glyph for word in SPAN_WORDS.values()}) == len(SPAN_WORDS)


@pytest.mark.parametrize(
    ("log10", "text", "exponent"),
    [
        (-11.42, "10", "−11.4"),
        (6.08, "10", "6.1"),
        (-1.5, "0.032", ""),
        (0.0, "1", ""),
        (1.999, "100", ""),
        (2.5, "316", ""),
        (-math.inf, "0", ""),
        (math.inf, "∞", ""),
        (math.nan, "NaN", ""),
    ],
)
def test_a_span_is_a_power_of_ten_where_that_is_shorter(
    log10: float, text: str, exponent: str
) -> None:
    quantity = quantity_of_log10(log10)
    assert (quantity.text, quantity.exponent) == (text, exponent)


@pytest.mark.parametrize(("value", "text"), VECTORS["numbers"])
def test_a_loss_is_written_as_the_page_writes_it(value: float | str, text: str) -> None:
    assert plain_number(float(value)) == text


@pytest.mark.parametrize(("seconds", "text"), VECTORS["durations"])
def test_a_time_is_written_as_the_page_writes_it(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), VECTORS["ago"])
def test_a_past_is_written_as_the_page_writes_it(seconds: float, text: str) -> None:
    assert ago_text(seconds) == text


@pytest.mark.parametrize(("ahead", "text"), [(0, "next in the queue"), (3, "3 ahead")])
def test_a_queued_run_says_how_many_are_ahead(ahead: int, text: str) -> None:
    assert run_row(replace(RUN, status="queued"), ahead).progress_text == text


def test_a_summary_names_cell_task_and_sizes() -> None:
    config = {
        "task": {"kind": "temporal_order", "length": 60},
        "model": {
            "cell": "elman",
            "activation": {"kind": "leaky_relu", "slope": 0.1},
            "hidden_size": 8,
            "layers": 2,
        },
    }
    assert summary_of(config) == "elman leaky_relu · H 8 × 2 · temporal order T 60"


def test_a_vanishing_line_ends_in_the_middle_and_falls_to_the_left() -> None:
    line = sparkline([-12.0, -8.0, -4.0, 0.0])
    assert line is not None
    heights = [y for _, y in points_of(line.path)]
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] == HEIGHT / 2
    assert line.last_x == WIDTH - 2


def test_a_line_beyond_the_scale_is_held_at_its_ends() -> None:
    line = sparkline([-math.inf, 300.0, 0.0])
    assert line is not None
    assert [y for _, y in points_of(line.path)] == [HEIGHT - 2, 2, HEIGHT / 2]


def test_what_is_no_number_is_a_gap() -> None:
    line = sparkline([-1.0, math.nan, None, 0.0])
    assert line is not None
    assert line.path.count("M") == 2
    assert len(points_of(line.path)) == 2


def test_times_after_the_last_loss_have_no_line() -> None:
    line = sparkline([-1.0, 0.0, math.nan, math.nan])
    assert line is not None
    assert line.last_x == WIDTH - 2


@pytest.mark.parametrize("values", [None, [], [math.nan], [-math.inf, -math.inf]])
def test_nothing_finite_has_no_picture(values: list[float] | None) -> None:
    assert sparkline(values) is None
