"""The lessons: what they say is what is computed."""

from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest

import engine
from app.main import create_app
from app.pages import build_templates
from app.pages.asked import Asked
from app.pages.base import context_names
from app.pages.learn import page_of
from app.pages.lesson_runs import note_of
from app.pages.lessons import LESSONS, OnePath
from app.pages.three_steps import Weights, by_hand
from app.pages.traced import walk
from tests.app.api.conftest import serving, settings_of

PATHS = {name: lesson.path for name, lesson in LESSONS.items() if lesson.path is not None}


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def shown(rows: tuple[tuple[str, ...], ...]) -> np.ndarray:
    return np.asarray([[number(text) for text in row] for row in rows])


def html_of(name: str, **asked: str) -> str:
    context = page_of(name, Asked(**asked))
    values = {key: getattr(context, key) for key in context_names(context)}
    return build_templates().env.get_template("learn.html").render(values)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_reveals_nothing_before_a_guess_and_all_after_it(name: str) -> None:
    assert "data-reveal" not in html_of(name)
    assert LESSONS[name].reveal.split(".")[0] in html_of(name, guess="0").replace("&#39;", "'")


def test_a_lesson_with_runs_keeps_its_answer_folded_until_they_are_over() -> None:
    html = html_of("clipping", guess="0")
    assert "both learn</strong>" in html
    assert html.index("<details") < html.index("data-reveal") < html.index("</details>")
    assert "<details" not in html_of("relu-explodes", guess="0")


async def test_a_lesson_knows_its_runs_and_the_comparison_knows_the_lesson(tmp_path: Path) -> None:
    async with serving(create_app(settings_of(tmp_path))) as client:
        assert "data-look" not in (await client.get("/learn/clipping?guess=0")).text
        answer = await client.post("/learn/clipping?guess=0")
        there = answer.headers["location"]
        assert there.endswith("&lesson=clipping&guess=0")
        page = unescape((await client.get(there)).text)
        lesson = unescape((await client.get("/learn/clipping?guess=0")).text)
    assert LESSONS["clipping"].question in page
    assert "data-lesson-guess>both learn<" in page
    assert "It turns out otherwise: clipping keeps it finite and no more." in page
    assert 'href="/learn/clipping?guess=0" data-lesson-back' in page
    assert f'href="{there}" data-look' in lesson
    assert "Train them anew" in lesson


async def test_a_lesson_that_the_queue_has_no_room_for_starts_none_of_its_runs(
    tmp_path: Path,
) -> None:
    async with serving(create_app(settings_of(tmp_path, max_queue=2))) as client:
        answer = await client.post("/learn/learning-rate")
        assert answer.status_code == 429
        assert (await client.get("/api/v1/runs")).json()["items"] == []


@pytest.mark.parametrize("query", ["?lesson=none&guess=1", "", "?guess=9"])
def test_a_comparison_of_no_lesson_says_nothing_of_one(query: str) -> None:
    given = dict(parse_qsl(query.removeprefix("?")))
    assert note_of(given.get("lesson", ""), given.get("guess", "")) is None


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_alone_hides_the_list(name: str) -> None:
    assert "lesson-list" in html_of(name)
    assert "lesson-list" not in html_of(name, focus="on")


@pytest.mark.parametrize("name", LESSONS)
def test_a_lessons_runs_are_configurations_of_two_to_six(name: str) -> None:
    runs = LESSONS[name].runs
    assert len(runs) in {0, 2, 3}
    assert all(engine.RunConfig.from_dict(config) for config in runs)


def test_a_tenth_above_one_explodes() -> None:
    path = PATHS["relu-explodes"]
    ends = dict(walk(path).ends)
    assert path.weight == 1.1
    assert (ends[1].text, ends[1].exponent) == ("10", f"{99 * np.log10(1.1):.1f}")


def test_the_identity_keeps_all_of_it() -> None:
    assert {left.text for _, left in walk(PATHS["relu-identity"]).ends} == {"1"}


def test_a_sigmoid_has_lost_six_decades_after_ten_steps() -> None:
    left = dict(walk(PATHS["sigmoid-vanishes"]).ends)[90]
    assert number(left.exponent) < -6


def test_the_bound_is_met_where_the_state_stays_at_zero() -> None:
    left = dict(walk(PATHS["bound"]).ends)[1]
    assert number(left.exponent) == pytest.approx(99 * np.log10(0.9), abs=0.05)


def test_a_line_keeps_its_scale() -> None:
    flat = walk(OnePath(activation="identity", weight=1.0, drive=1.0))
    heights = {point.split(" ")[1] for point in flat.line[1:].split("L")}
    assert heights == {f"{flat.one_y}"}


@pytest.mark.parametrize(("letter", "count"), [("V", 3), ("W", 6), ("U", 6)])
def test_the_terms_add_up_to_the_gradient(letter: str, count: int) -> None:
    found = next(one for one in by_hand(Weights()).sums if one.letter == letter)
    assert len(found.terms) == count
    terms = [[[number(v) for v in row] for row in term.matrix] for term in found.terms]
    total = [[number(value) for value in row] for row in found.total]
    # Each of up to six shown numbers is rounded to three digits.
    np.testing.assert_allclose(np.sum(terms, axis=0), total, atol=0.01)


def test_half_of_w_quarters_the_longest_path_and_leaves_the_present() -> None:
    small = Weights(w=tuple(value / 100 for value in Weights().w), activation="identity")
    half = Weights(w=tuple(value / 2 for value in small.w), activation="identity")
    before, after = (
        {(t.loss_time, t.state_time): t.matrix for t in by_hand(one).sums[1].terms}
        for one in (small, half)
    )
    first = number(before[3, 1][0][0]) / number(after[3, 1][0][0])
    present = number(before[1, 1][0][0]) / number(after[1, 1][0][0])
    assert first == pytest.approx(4, rel=0.1)
    assert present == pytest.approx(1, rel=0.01)


def test_every_step_can_be_followed_by_hand() -> None:
    start = Weights()
    w, u = np.reshape(start.w, (2, 2)), np.asarray(start.u)
    v, before, lost = np.reshape(start.v, (2, 2)), np.asarray((0.6, -0.4)), 0.0
    steps = by_hand(start).steps
    for step, x in zip(steps, start.x, strict=True):
        a = u * x + w @ before
        h = np.tanh(a)
        guess = np.exp(v @ h) / np.exp(v @ h).sum()
        target = shown(step.target)[:, 0]
        lost -= float(np.log(guess @ target))
        # Three digits are shown.
        for found, wanted in ((step.a, a), (step.h, h), (step.o, v @ h), (step.y_hat, guess)):
            np.testing.assert_allclose(shown(found)[:, 0], wanted, rtol=5e-3)
        np.testing.assert_allclose(shown(step.jacobian), (1 - h**2)[:, None] * w, rtol=5e-3)
        before = h
    assert [step.target[0][0] for step in steps] == ["1", "0", "1"]
    assert number(by_hand(start).loss) == pytest.approx(lost, rel=5e-3)
    assert sum(number(step.loss) for step in steps) == pytest.approx(lost, rel=5e-3)


def test_the_slopes_are_a_diagonal_matrix() -> None:
    steps = by_hand(Weights()).steps
    assert len(steps) == 3
    assert all(step.slopes[0][1] == step.slopes[1][0] == "0" for step in steps)


def test_what_the_reveal_says_of_half_w_is_what_the_boxes_give() -> None:
    start = Weights()
    half = Weights(w=tuple(value / 2 for value in start.w))
    there = {one.state_time: one for one in by_hand(start).halved}
    for term in by_hand(half).sums[1].terms:
        if term.loss_time == 3:
            assert number(term.norm.text) == pytest.approx(
                number(there[term.state_time].after), rel=0.05
            )
    assert there[3].before != there[3].after, "the states move with W: the present moves too"
    assert min(there, key=lambda k: float(there[k].ratio)) == 1, "the longest path goes first"


def test_the_reveal_shows_the_numbers_of_the_network_in_the_boxes() -> None:
    html = html_of("three-steps", guess="1")
    assert "0.201 → 0.0935" in html
    assert "0.201 → 0.0935" not in html_of("three-steps", guess="1", w="0.1,0,0,0.1")


def test_a_dead_relu_cuts_the_arrows() -> None:
    dead = Weights(u=(-5.0, -5.0), x=(1.0, 1.0, 1.0), activation="relu")
    assert [arrow.width for arrow in by_hand(dead).arrows[:2]] == [0.0, 0.0]


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,x", "1,2,3,11", "nan,1,1,1", "1e9,1,1,1"])
def test_weights_that_cannot_be_used_show_no_results_but_the_reason(text: str) -> None:
    html = html_of("three-steps", w=text)
    assert "data-no-results" in html
    assert "data-loss>" not in html, "no other network's numbers"
    assert "W takes 4 numbers from −10 to 10" in html


def test_a_refused_number_stays_in_its_box() -> None:
    html = html_of("three-steps", w="1e9,1,1,1")
    assert 'value="1e9"' in html
    assert "entry 1 is 1e9." in html


def test_an_activation_that_is_none_is_named() -> None:
    page = page_of("three-steps", Asked(activation="grelu"))
    assert page.hand is None
    assert "got &#39;grelu&#39;" in html_of("three-steps", activation="grelu")


def test_the_link_to_a_lesson_alone_keeps_guess_and_numbers() -> None:
    page = page_of("three-steps", Asked(guess="1", u="1,2", activation="relu"))
    assert page.alone_href == "/learn/three-steps?guess=1&u=1,2&activation=relu&focus=on"
    assert page.all_href == "/learn/three-steps?guess=1&u=1,2&activation=relu"


def test_what_was_changed_can_be_taken_back_without_the_guess() -> None:
    page = page_of("three-steps", Asked(guess="1", focus="on", u="1,2", activation="relu"))
    assert page.reset_href == "/learn/three-steps?guess=1&focus=on"
    assert page_of("three-steps", Asked(guess="1")).reset_href == ""
    assert "Back to the first numbers" in html_of("three-steps", activation="relu")
    assert "Back to the first numbers" not in html_of("three-steps")


def test_a_lesson_alone_has_no_navigation_and_a_way_out() -> None:
    assert 'aria-label="Pages"' in html_of("clipping")
    alone = html_of("clipping", focus="on")
    assert 'aria-label="Pages"' not in alone
    assert "Show all lessons" in alone


@pytest.mark.parametrize("name", PATHS)
def test_a_path_is_drawn_where_its_scale_reaches_and_says_where_it_does_not(name: str) -> None:
    path = PATHS[name]
    assert path is not None
    view = walk(path)
    points = [tuple(map(float, point.split())) for point in view.line[1:].split("L")]
    assert len(points) == 100 - view.below
    assert all(0 <= x <= view.width and 0 <= y <= view.height for x, y in points)
    assert (f"t ≤ {view.below} below 10" in html_of(name, guess="0")) == (view.below > 0)


def test_the_sigmoids_path_leaves_the_scale() -> None:
    path = PATHS["sigmoid-vanishes"]
    assert path is not None
    # A slope of at most a quarter at each step: 10⁻²⁰ is passed after 33 steps back at the latest.
    assert walk(path).below >= 100 - 34
