"""The list of runs over a full table: every page is found by a key, none by counting."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.runs.service import described
from app.settings import Settings
from app.store import Store, open_store
from app.store.run_table import NewRun
from tests.app.runs.small_runs import configuration

ROWS = 300


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = open_store(Settings(data=Path(tmp_path_factory.mktemp("full"))))
    complete, facts, _ = described(configuration())
    store.runs.create_all([NewRun(complete, facts, [])] * ROWS, max_queue=None)
    return store


def plans_of(store: Store, **asked: Any) -> list[str]:  # noqa: ANN401  # arguments of `page`
    """Return how the database finds what a page asks for."""
    statements: list[tuple[str, Any]] = []

    def note(*event: Any) -> None:  # noqa: ANN401  # SQLAlchemy's own
        statements.append((event[2], event[3]))

    engine = store.database.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        store.runs.page(**asked)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    asked_for = [(text, values) for text, values in statements if "FROM runs" in text]
    found = []
    with store.database.read() as connection:
        for text, values in asked_for:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
            found += [str(row[-1]) for row in rows]
    return found


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "name", "-name", "final_loss"])
def test_l10_a_later_page_is_found_by_its_key_and_sorts_nothing(full: Store, sort: str) -> None:
    first, cursor = full.runs.page(sort=sort, limit=50)
    plans = plans_of(full, sort=sort, limit=50, cursor=cursor)
    assert len(first) == 50
    assert plans
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]
    assert [plan for plan in plans if plan.startswith("SEARCH runs USING")]


def test_l10_pages_hold_every_run_once(full: Store) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        runs, cursor = full.runs.page(limit=200, cursor=cursor)
        seen += [run.id for run in runs]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == ROWS
