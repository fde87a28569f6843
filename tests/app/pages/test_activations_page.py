"""The page of activations: its numbers are the slopes and their powers."""

import math

import pytest

from app.pages import build_templates
from app.pages.activations import page_of
from app.pages.base import context_names


def test_the_table_tells_the_product_over_the_steps() -> None:
    rows = {row.name: row for row in page_of(10, 0.0).rows}
    assert rows["sigmoid"].slope == "0.25"
    assert rows["sigmoid"].product.text == "10"
    assert rows["sigmoid"].product.exponent == f"−{-10 * math.log10(0.25):.1f}"
    assert rows["identity"].product.text == "1"


@pytest.mark.parametrize(("at", "left"), [(1.0, "1"), (-1.0, "0")])
def test_a_relu_keeps_all_or_nothing(at: float, left: str) -> None:
    rows = {row.name: row for row in page_of(30, at).rows}
    assert rows["relu"].product.text == left


def test_the_page_is_whole_without_a_script() -> None:
    context = page_of(20, 1.0)
    values = {name: getattr(context, name) for name in context_names(context)}
    page = build_templates().env.get_template("activations.html").render(values)
    assert page.count("data-activation=") == len(context.rows)
    assert 'data-panel="activation_product"' in page
