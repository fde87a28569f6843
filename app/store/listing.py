"""How a list of runs is filtered, ordered and continued: keyset cursors, never an offset."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.store.errors import InvalidCursor, StaleCursor
from app.store.tables import runs

LARGEST = 2**63  # what a database's integer holds
SORTS = {"created_at": runs.c.number, "name": runs.c.name, "final_loss": runs.c.loss_rank}


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
