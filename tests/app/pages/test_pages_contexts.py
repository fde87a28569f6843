"""A template uses what its context gives, and a context gives what its template uses."""

from collections.abc import Iterator

import pytest
from jinja2 import Environment, meta, nodes

from app.api.login import LoginPage
from app.pages import build_templates
from app.pages.base import PageContext, context_names
from app.pages.errors import ErrorPage
from app.pages.index import IndexPage
from app.pages.new import NewPage

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


def imported_by(tree: nodes.Template) -> set[str]:
    """The macros that a template imports; blocks see them too."""
    return {str(name) for node in tree.find_all(nodes.FromImport) for name in node.names}


@pytest.mark.parametrize("context", [IndexPage, NewPage, ErrorPage, LoginPage])
def test_the_fields_of_a_context_are_the_names_of_its_template(context: type[PageContext]) -> None:
    used: set[str] = set()
    for tree in parts_of(ENVIRONMENT, context.template):
        used |= meta.find_undeclared_variables(tree)
        used -= imported_by(tree)
    used -= set(ENVIRONMENT.globals)
    assert used | EVERYWHERE == set(context_names(context))
