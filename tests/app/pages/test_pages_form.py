"""The form is the schema: every field of it, with its bounds, and back to a configuration."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import engine
from app.pages.form import Condition, Field, number_text
from app.pages.form_builder import Builder
from app.pages.form_choices import always_recorded, choice_words, conditions
from app.pages.form_values import posted_config
from app.pages.new import read_config
from app.pages.new_form import START, NewPage, new_page
from app.pages.presets import PRESETS

CELLS = [cell["name"] for cell in engine.catalog()["cells"]]  # type: ignore[attr-defined]


def fields_of(page: NewPage) -> Iterator[Field]:
    """Every field that is shown and sent, those of the chosen kinds included."""
    pending = [*page.naming]
    for group in page.groups:
        pending += [*group.fields, *group.seldom]
    while pending:
        field = pending.pop()
        if not field.is_available:
            continue
        yield field
        for option in field.options:
            if option.selected:
                pending += option.fields


def posted_of(page: NewPage) -> dict[str, list[str]]:
    """What a browser sends where nobody touched the form."""
    posted: dict[str, list[str]] = {}
    for field in fields_of(page):
        if field.control == "check":
            posted[field.pointer] = ["false", "true"] if field.checked else ["false"]
        elif field.control in ("select", "checks"):
            chosen = [option.value for option in field.options if option.selected]
            posted[field.pointer] = [*chosen] if field.control == "select" else ["", *chosen]
        else:
            posted[field.pointer] = [field.value]
    return posted


def settled(values: Mapping[str, Any]) -> dict[str, Any]:
    """The complete configuration; the form offers no choice of what is recorded anyway."""
    complete: dict[str, Any] = engine.RunConfig.from_dict(values).to_dict()
    chosen = set(complete["recording"]["statistics"])
    complete["recording"]["statistics"] = chosen - always_recorded(engine.catalog())
    return complete


def by_pointer(page: NewPage) -> dict[str, Field]:
    return {field.pointer: field for field in fields_of(page)}


@pytest.mark.parametrize("values", [START, *(one.config for one in PRESETS.values())])
def test_an_untouched_form_posts_the_configuration_it_shows(values: Mapping[str, Any]) -> None:
    posted = posted_config(engine.config_schema(), posted_of(new_page(values)))
    assert settled(posted) == settled(values)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_has_a_form_that_the_engine_takes(cell: str) -> None:
    page = new_page({**START, "model": {"cell": cell}})
    posted = posted_config(engine.config_schema(), posted_of(page))
    assert engine.RunConfig.from_dict(posted).to_dict()["model"]["cell"] == cell  # type: ignore[index]


def test_a_complete_configuration_comes_back_whole() -> None:
    values = {
        **START,
        "name": "again",
        "seed": 7,
        "tags": ["a", "12"],
        "model": {
            "cell": "elman",
            "activation": {"kind": "leaky_relu", "slope": 0.2},
            "spectral_radius": 0.9,
            "bias": False,
        },
        "training": {"clipping": None, "optimizer": {"kind": "adam", "learning_rate": 3e-4}},
        "recording": {"checkpoints": ["first", 20, "last"]},
    }
    complete = engine.RunConfig.from_dict(values).to_dict()
    posted = posted_config(engine.config_schema(), posted_of(new_page(complete)))
    assert settled(posted) == settled(complete)


def test_the_options_are_those_of_the_chosen_cell() -> None:
    values = {**START, "model": {"cell": "leaky", "options": {"alpha": 0.25}}}
    fields = by_pointer(new_page(values))
    assert fields["/model/options/alpha"].value == "0.25"
    assert fields["/model/options/alpha"].below == 1
    posted = posted_config(engine.config_schema(), posted_of(new_page(values)))
    assert posted["model"]["options"] == {"alpha": 0.25}
    assert "/model/options/alpha" not in by_pointer(new_page(START))


def test_options_of_a_cell_that_was_left_are_not_taken_over() -> None:
    posted = {"/model/cell": ["lstm"], "/model/options/alpha": ["0.5"]}
    assert posted_config(engine.config_schema(), posted) == {"model": {"cell": "lstm"}}


def test_bounds_are_those_of_the_schema() -> None:
    field = by_pointer(new_page(START))["/model/hidden_size"]
    assert (field.type, field.minimum, field.maximum) == ("integer", 1, 4096)


def test_an_open_bound_is_told_apart_from_a_closed_one() -> None:
    field = by_pointer(new_page(START))["/training/optimizer/learning_rate"]
    assert (field.minimum, field.above) == (None, 0)


def test_what_has_one_possible_value_has_no_field() -> None:
    pointers = set(by_pointer(new_page(START)))
    later = {"/task/kind", "/task/dataset"}
    assert pointers.isdisjoint(later)


def test_ids_are_unique_over_all_kinds() -> None:
    identifiers = []
    pending = [*new_page(START).naming]
    for group in new_page(START).groups:
        pending += [*group.fields, *group.seldom]
    while pending:
        field = pending.pop()
        identifiers.append(field.identifier)
        for option in field.options:
            pending += option.fields
    assert len(identifiers) == len(set(identifiers))


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"model": {"cell": "elman", "hidden_size": 0}}, "/model/hidden_size"),
        ({"task": {"kind": "adding", "length": 1}}, "/task/length"),
        ({"task": {"kind": "chess"}}, "/task"),
        ({"model": {"cell": "leaky", "options": {"alpha": 2}}}, "/model/options/alpha"),
        (
            {"training": {"optimizer": {"kind": "sgd", "momentum": 1}}},
            "/training/optimizer/momentum",
        ),
        ({"recording": {"checkpoints": ["first", -1]}}, "/recording/checkpoints"),
    ],
)
def test_a_problem_stands_beside_its_field(values: Mapping[str, Any], pointer: str) -> None:
    page = new_page({**START, **values})
    shown = {field.pointer: field.error for field in fields_of(page) if field.error}
    assert list(shown) == [pointer]
    assert page.other_problems == ()


def test_a_problem_without_a_field_is_listed() -> None:
    page = new_page({**START, "speed": 3})
    assert [pointer for pointer, _ in page.other_problems] == ["/speed"]


def test_a_card_opens_where_something_behind_it_is_wrong() -> None:
    page = new_page({**START, "model": {"cell": "elman", "spectral_radius": -1}})
    assert [group.name for group in page.groups if group.is_open] == ["model"]


def test_cards_are_closed_where_all_is_as_by_default() -> None:
    assert not any(group.is_open for group in new_page(START).groups)


def test_a_forget_bias_is_asked_of_the_cells_that_have_a_gate_that_keeps() -> None:
    condition = conditions(engine.catalog())["/model/forget_bias"]
    assert condition.pointer == "/model/cell"
    assert {"lstm", "gru"} <= set(condition.values)
    assert "elman" not in condition.values


@pytest.mark.parametrize(("posted", "expected"), [("chrono", "chrono"), ("1.5", 1.5), ("", None)])
def test_a_number_or_a_word_is_read_from_one_field(posted: str, expected: object) -> None:
    config = posted_config(engine.config_schema(), {"/model/forget_bias": [posted]})
    assert config == {"model": {"forget_bias": expected}}
    field = next(
        field
        for group in new_page({**START, "model": {"cell": "lstm", "forget_bias": "chrono"}}).groups
        for field in group.seldom
        if field.pointer == "/model/forget_bias"
    )
    assert (field.control, field.type, field.value) == ("text", "mixed", "chrono")


def test_choices_of_a_closed_set_have_words() -> None:
    words = choice_words(engine.catalog())
    for group in new_page(START).groups:
        for field in (*group.fields, *group.seldom):
            if field.control == "select":
                assert all(option.title for option in field.options)
                assert any(option.help for option in field.options), field.pointer
    assert set(words["/model/cell"]) == set(CELLS)


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 100_000, "null", '{"a": 1, "a": 2}'])
def test_a_link_that_cannot_be_read_starts_the_form_anew(text: str) -> None:
    values, notice = read_config(text)
    assert values == START
    assert "starts anew" in notice


def test_a_link_with_half_a_surrogate_pair_is_told_and_not_shown() -> None:
    values, notice = read_config(r'{"name": "\ud800"}')
    assert values == START
    assert "cannot be stored" in notice


def test_a_link_may_say_a_part_only() -> None:
    values, notice = read_config('{"model": {"hidden_size": 8}}')
    assert notice == ""
    assert engine.RunConfig.from_dict(values).to_dict()["model"]["hidden_size"] == 8  # type: ignore[index]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (0.01, "0.01"), (1e-8, "1e-08"), (100, "100"), (0.1 + 0.2, "0.30000000000000004")],
)
def test_a_number_is_written_so_that_it_comes_back(value: float | None, text: str) -> None:
    assert number_text(value) == text


def test_words_that_are_no_numbers_go_on_as_they_came() -> None:
    schema = {"properties": {"steps": {"type": "integer"}}}
    assert posted_config(schema, {"/steps": ["many"]}) == {"steps": "many"}


def test_a_field_that_hangs_on_another_is_away_where_it_does_not_hold() -> None:
    schema = {"properties": {"gate": {"type": "number", "default": 1.0}}}
    held = {"/gate": Condition(pointer="/cell", values=("lstm",))}

    def field(cell: str) -> Field:
        builder = Builder(
            problems={}, words={}, conditions=held, chosen={"/cell": cell}, left_out={}, offered={}
        )
        return next(builder.fields(schema, {}, ""))

    assert field("lstm").is_available
    assert not field("gru").is_available
