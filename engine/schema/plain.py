"""From a built dataclass back to what JSON knows."""

import dataclasses
from collections.abc import Mapping


def plain(value: object) -> object:
    """Write dataclasses, tuples and mappings as dicts and lists, `kind` first; copy nothing else.

    >>> plain((1, "last"))
    [1, 'last']
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        names.sort(key=lambda name: name != "kind")
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value
