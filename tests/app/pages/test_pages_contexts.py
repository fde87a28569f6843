"""A template uses what its context gives, and a context gives what its template uses."""

from collections.abc import Iterator

import pytest
from jinja2 import Environment, meta, nodes

from app.pages import build_templates
from app.pages.base import PageContext, context_names
from app.pages.compare import ComparePage
from app.pages.errors import ErrorPage
from app.pages.index import IndexPage
from app.pages.login import LoginPage
from app.pages.new_form import NewPage
from app.pages.run import RunPage
from app.pages.sweep_form import SweepFormPage
from app.pages.sweeps import SweepPage, SweepsPage
from app.pages.uploads import UploadPage, UploadsPage

ENVIRONMENT = build_templates().env
# `here` marks the page in the bar; a page without the bar has it all the same.
EVERYWHERE = {"here"}


def parts_of(environment: Environment, name: str) -> Iterator[nodes.Template]:
    """A template, and those it extends or includes; imported macros get arguments of their own."""
    loader = environment.loader
    assert loader is not None
    tree = environment.parse(loader.get_source(environment, name)[0])
    yield tree
    for node in tree.find_all((nodes.Extends, nodes.Include)):
        for constant in node.find_all(nodes.Const):
            if isinstance(constant.value, str) and constant.value.endswith(".html"):
                yield from parts_of(environment, constant.value)


def own_names(tree: nodes.Template) -> set[str]:
    """What a template imports or sets itself; jinja2.meta loses sight of both within blocks."""
    imported = {str(name) for node in tree.find_all(nodes.FromImport) for name in node.names}
    targets = [node.target for node in tree.find_all(nodes.Assign)]
    targets += [node.target for node in tree.find_all(nodes.AssignBlock)]
    assigned = {target.name for target in targets if isinstance(target, nodes.Name)}
    return imported | assigned


@pytest.mark.parametrize(
    "context",
    [
        IndexPage,
        NewPage,
        RunPage,
        ComparePage,
        SweepFormPage,
        SweepPage,
        SweepsPage,
        UploadPage,
        UploadsPage,
        ErrorPage,
        LoginPage,
    ],
)
def test_the_fields_of_a_context_are_the_names_of_its_template(context: type[PageContext]) -> None:
    used: set[str] = set()
    for tree in parts_of(ENVIRONMENT, context.template):
        used |= meta.find_undeclared_variables(tree)
        used -= own_names(tree)
    used -= set(ENVIRONMENT.globals)
    assert used | EVERYWHERE == set(context_names(context))
