"""Rows of every earlier revision go through the migrations as they are, up and down again."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.store import Store, open_store
from app.store.database import HEAD, MIGRATIONS
from tests.app.store.stored_runs import queued, settings_for

Rows = dict[str, list[dict[str, Any]]]
VERSIONS = "alembic_version"
# What JSON columns may hold, and what a quoting gone wrong would change.
TEXT = '{"é": [NaN, -Infinity, null], "it\'s": "100 % \\\\ :x ?"}'
MOMENT = "2026-01-02T03:04:05.678901Z"


def revisions() -> list[str]:
    """Return every revision, the oldest first."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()][::-1]


REVISIONS = revisions()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store whose database has no tables yet."""
    url = None
    if request.param == "postgres":
        url = request.getfixturevalue("postgres").new_database()
    store = open_store(settings_for(tmp_path, database_url=url), migrate=False)
    yield store
    store.close()


def tables_of(store: Store) -> list[sa.Table]:
    """Return the tables that there are, parents before children."""
    found = sa.MetaData()
    with store.database.read() as connection:
        found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != VERSIONS]


def value_of(column: sa.Column[Any], number: int) -> Any:  # noqa: ANN401  # of the column's type
    """Return a value of a column's type, another one for every row."""
    match column.type:
        case sa.LargeBinary():
            return bytes([0, 255, number])
        case sa.Float():
            return number + 1 / 3
        case sa.Integer():
            return 2**31 - 1 - number
        case sa.String(length=None):
            return f'{TEXT[:-1]}, "row": {number}}}'
        case sa.String(length=27):
            return MOMENT
        case sa.String(length=length):
            return f"{column.name}-{number}"[:length]
    raise AssertionError(f"no value for {column.table.name}.{column.name}, a {column.type}")


def row_of(
    table: sa.Table, number: int, parents: Mapping[str, Mapping[str, Any]], *, full: bool
) -> dict[str, Any]:
    """Return a row with every column, or with no more than it must have."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if table.autoincrement_column is column:
            continue  # the database counts, so that it can go on
        for key in column.foreign_keys:
            row[column.name] = parents[key.column.table.name][key.column.name]
        if not column.foreign_keys and (full or not column.nullable):
            row[column.name] = value_of(column, number)
    return row


def fill(store: Store) -> None:
    """Put two rows into every table, the second without what may be left out."""
    tables = tables_of(store)
    for number in (1, 2):
        parents: dict[str, Mapping[str, Any]] = {}
        for table in tables:
            parents[table.name] = row_of(table, number, parents, full=number == 1)
            with store.database.write() as connection:
                connection.execute(sa.insert(table), parents[table.name])


def rows_in(store: Store) -> Rows:
    """Return all that is in the tables."""
    with store.database.read() as connection:
        return {
            table.name: [
                dict(row)
                for row in connection.execute(
                    sa.select(table).order_by(*table.primary_key)
                ).mappings()
            ]
            for table in tables_of(store)
        }


def common(rows: Rows, other: Rows) -> Rows:
    """Return rows with those tables and columns alone that the others have too."""
    return {
        name: [{key: row[key] for key in row.keys() & other[name][0].keys()} for row in found]
        for name, found in rows.items()
        if name in other
    }


@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_of_every_revision_come_to_the_newest_as_they_are(empty: Store, revision: str) -> None:
    empty.database.migrate(revision)
    fill(empty)
    before = rows_in(empty)
    assert all(len(found) == 2 for found in before.values())
    empty.database.migrate()
    assert empty.database.revision() == HEAD == REVISIONS[-1]
    after = rows_in(empty)
    assert before.keys() <= after.keys()
    assert common(after, before) == before
    assert queued(empty).id in empty.runs.ids()


@pytest.mark.parametrize(("older", "newer"), list(pairwise(REVISIONS)), ids=REVISIONS[1:])
def test_one_step_down_loses_what_the_step_brought_and_nothing_else(
    empty: Store, older: str, newer: str
) -> None:
    empty.database.migrate(newer)
    fill(empty)
    before = rows_in(empty)
    empty.database.migrate(older)
    assert empty.database.revision() == older
    after = rows_in(empty)
    assert after == common(before, after)
    assert all(len(found) == 2 for found in after.values())
    empty.database.migrate()
    assert common(rows_in(empty), after) == after
