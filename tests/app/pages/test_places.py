"""Links to figures: every statistic that a verdict rests on is drawn where its link leads."""

import inspect
import re

import pytest

import engine
from app.figures import FIGURES
from app.pages.places import figure_of, place_of
from app.pages.run_tabs import TAB_OF_FIGURE, TRAINING
from engine.diagnosis import kinds, verdict
from tests.architecture.tree import ROOT

STATISTICS = sorted(
    set(
        re.findall(
            r'statistic="(\w+)"|_of\(case, "(\w+)"',
            inspect.getsource(kinds) + inspect.getsource(verdict),
        )
    )
)


@pytest.mark.parametrize("statistic", ["".join(found) for found in STATISTICS])
def test_what_a_verdict_rests_on_is_drawn_in_the_figure_that_its_link_names(statistic: str) -> None:
    assert statistic in FIGURES[figure_of(statistic)].needs


@pytest.mark.parametrize("name", TRAINING)
def test_the_tab_of_the_training_has_its_figures(name: str) -> None:
    template = (ROOT / "templates" / "run.html").read_text(encoding="utf-8")
    tab = template.partition('data-tab-panels="training"')[2].partition('data-tab-panels="{{')[0]
    assert f'panel("{name}"' in tab
    assert TAB_OF_FIGURE[name] == "training"


@pytest.mark.parametrize("name", engine.STATISTICS)
def test_every_statistic_has_a_place(name: str) -> None:
    assert place_of("7", name, step=3).startswith("/runs/7?step=3")
