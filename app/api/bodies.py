"""JSON bodies that are objects of a few keys."""

from collections.abc import Collection, Sequence
from typing import Any

from app.json_texts import escape
from engine import ConfigError, Problem


def object_of(
    body: object, known: Sequence[str], *, required: Collection[str] = ()
) -> dict[str, Any]:
    """Return a body that is an object of known keys.

    Raises:
        ConfigError: It is something else, has another key, or lacks a required one.
    """
    if not isinstance(body, dict):
        raise ConfigError([Problem("", f"expected an object, got {type(body).__name__}")])
    names = ", ".join(known)
    faults = [
        Problem(f"/{escape(key)}", f"unknown key; known: {names}")
        for key in body
        if key not in known
    ]
    faults += [Problem(f"/{key}", "required, and left out") for key in required if key not in body]
    if faults:
        raise ConfigError(faults)
    return body
