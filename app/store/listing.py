"""How a list of runs is filtered, ordered and continued: keyset cursors, never an offset."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.errors import InvalidCursor, StaleCursor
from app.store.records import Run, run_of
from app.store.tables import runs

MAX_PAGE = 200
LARGEST = 2**63  # what a database's integer holds
SORTS = {"created_at": runs.c.number, "name": runs.c.name, "final_loss": runs.c.loss_rank}


class Asked(TypedDict, total=False):
    """What a list of runs is asked for; what is left out does not narrow it.

    Attributes:
        status: One status or several.
        tag: A tag the runs have.
        cell: Name of the cell.
        q: A part of the name or of a tag, upper or lower case.
        sort: `created_at`, `name` or `final_loss`, with a minus for falling order; the newest
            first where it is left out.
        limit: 1 to 200; 50 where it is left out.
        cursor: What the page before gave.
    """

    status: str | Sequence[str] | None
    tag: str | None
    cell: str | None
    q: str | None
    sort: str
    limit: int
    cursor: str | None


def page_of(
    connection: Connection, columns: Sequence[sa.ColumnElement[Any]], **asked: Unpack[Asked]
) -> tuple[list[Run], str | None]:
    """Return runs of the given columns in order, and a cursor for those that follow.

    Raises:
        InvalidCursor: The cursor was never handed out.
        StaleCursor: It belongs to a list with other filters or another order.
        ValueError: An unknown order or a limit out of range.
    """
    sort, limit = asked.get("sort", "-created_at"), asked.get("limit", 50)
    column, falling = order_of(sort)
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"expected a limit from 1 to {MAX_PAGE}, got {limit}")
    filters = (asked.get("status"), asked.get("tag"), asked.get("cell"), asked.get("q"))
    conditions = conditions_of(*filters)
    belongs = hashlib.sha256(repr((*filters, sort)).encode()).hexdigest()[:16]
    if (cursor := asked.get("cursor")) is not None:
        conditions.append(beyond(column, falling, read_cursor(cursor, belongs)))
    keys = (column,) if column is runs.c.number else (column, runs.c.number)
    query = (
        sa.select(*columns)
        .where(*conditions)
        .order_by(*(key.desc() if falling else key.asc() for key in keys))
        .limit(limit + 1)
    )
    rows = connection.execute(query).mappings().all()
    next_cursor = None
    if len(rows) > limit:
        last = rows[limit - 1]
        next_cursor = write_cursor(belongs, last[column.name], last["number"])
    return [run_of(row) for row in rows[:limit]], next_cursor  # type: ignore[arg-type]


def order_of(sort: str) -> tuple[sa.Column[Any], bool]:
    """Return the column of an order, and whether it falls.

    Raises:
        ValueError: There is no such order.
    """
    falling, name = sort.startswith("-"), sort.removeprefix("-")
    if name not in SORTS:
        raise ValueError(f"unknown order {sort!r}; known: {', '.join(SORTS)}, with - to fall")
    return SORTS[name], falling


def conditions_of(
    status: str | Sequence[str] | None, tag: str | None, cell: str | None, q: str | None
) -> list[sa.ColumnElement[bool]]:
    """Return what the rows of a filtered list have in common."""
    conditions: list[sa.ColumnElement[bool]] = []
    if status:
        wanted = [status] if isinstance(status, str) else list(status)
        conditions.append(runs.c.status.in_(wanted))
    if cell:
        conditions.append(runs.c.cell == cell)
    if tag:
        # Tags are a JSON list: a whole tag stands there in its quotes. Not LIKE, which on SQLite
        # takes upper and lower case for the same.
        text = sa.type_coerce(runs.c.tags, sa.Text)
        conditions.append(sa.func.replace(text, json.dumps(tag), "") != text)
    if q:
        conditions.append(sa.or_(runs.c.name.icontains(q, autoescape=True), _tags_contain(q)))
    return conditions


def _tags_contain(q: str) -> sa.ColumnElement[bool]:
    """Return whether a part of one of the tags is this, upper or lower case.

    Tags are the text ["a","b"]. Between tags, and around them, a line break takes the place of
    JSON's signs: inside a tag it would be escaped, so nothing that is searched for meets it.
    """
    text = sa.type_coerce(runs.c.tags, sa.Text)
    words: sa.ColumnElement[str] = text
    for sign in ('","', '["', '"]'):
        words = sa.func.replace(words, sign, "\n")
    escaped = json.dumps(q)[1:-1]
    return sa.and_(text != "[]", words.icontains(escaped, autoescape=True))


def beyond(column: sa.Column[Any], falling: bool, key: tuple[Any, int]) -> sa.ColumnElement[bool]:
    """Return the condition of the rows that follow a key in the list's order."""
    value, number = key
    if column is runs.c.number:
        return runs.c.number < number if falling else runs.c.number > number
    here, there = sa.tuple_(column, runs.c.number), sa.tuple_(sa.literal(value), sa.literal(number))
    return here < there if falling else here > there


def write_cursor(belongs: str, value: object, number: int) -> str:
    """Return an opaque cursor that goes on after a row."""
    text = json.dumps([belongs, value, number])
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_cursor(cursor: str, belongs: str) -> tuple[Any, int]:
    """Return the row's value and number that a cursor goes on after.

    Raises:
        InvalidCursor: This is no cursor.
        StaleCursor: It is one of another list.
    """
    try:
        origin, value, number = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, TypeError, binascii.Error, RecursionError) as err:
        raise InvalidCursor("this is no cursor that was handed out") from err
    fits = all(abs(part) < LARGEST for part in (value, number) if isinstance(part, int))
    if not isinstance(number, int) or not isinstance(value, (str, int, float)) or not fits:
        raise InvalidCursor("this is no cursor that was handed out")
    if origin != belongs:
        raise StaleCursor("this cursor belongs to a list with other filters or another order")
    return value, number
