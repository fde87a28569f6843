"""JSON Merge Patch (RFC 7396): the smallest change from one object to another, and back.

A merge patch has the keys that change; null takes a key away, so a key whose new value is null is
taken away too: who reads the result must take a missing key for null, as configurations do.
"""

from collections.abc import Mapping
from typing import cast

Json = Mapping[str, object]


def apply_patch(target: Json, patch: Json) -> dict[str, object]:
    """Return `target` changed by `patch`.

    Example:
        >>> apply_patch({"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"c": 4}})
        {'b': {'c': 4, 'd': 3}}
    """
    merged = dict(target)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            old = merged.get(key)
            merged[key] = apply_patch(cast(Json, old) if isinstance(old, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def patch_between(old: Json, new: Json) -> dict[str, object]:
    """Return the patch that makes `new` of `old`.

    Example:
        >>> patch_between({"kind": "sgd", "momentum": 0.9}, {"kind": "adam", "beta1": 0.9})
        {'kind': 'adam', 'beta1': 0.9, 'momentum': None}
    """
    patch: dict[str, object] = {}
    for key, value in new.items():
        before = old.get(key)
        if value == before and type(value) is type(before):
            continue
        if isinstance(value, Mapping):
            inner = cast(Json, before) if isinstance(before, Mapping) else {}
            patch[key] = patch_between(inner, cast(Json, value))
        else:
            patch[key] = value
    patch.update({key: None for key in old if key not in new})
    return patch
