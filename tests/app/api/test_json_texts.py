"""JSON texts that come in: odd numbers pass to be pointed at, everything else is strict."""

import math

import pytest

from app.json_texts import MalformedJSONError, parse_json, text_problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": 1e400}', {"a": math.inf}),
        (b'{"a": -1e400}', {"a": -math.inf}),
        (b'{"a": Infinity}', {"a": math.inf}),
        (b'{"a": ' + b"9" * 401 + b"}", {"a": math.inf}),
        (b'{"a": -' + b"9" * 5000 + b"}", {"a": -math.inf}),
        (b"[" * 64 + b"]" * 64, None),
        (b"  7 ", 7),
    ],
    ids=["1e400", "-1e400", "Infinity", "401 digits", "5,000 digits", "64 deep", "7"],
)
def test_odd_numbers_come_through_as_floats(text: bytes, value: object) -> None:
    found = parse_json(text)
    assert value is None or found == value


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b"[" * 65 + b"]" * 65])
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedJSONError):
        parse_json(text)


def test_text_that_cannot_be_stored_is_found_at_its_pointer() -> None:
    value = {"a/b": ["x", "\ud800"], "c~": {"\0": 1}, "fine": "🌊"}
    assert [pointer for pointer, _ in text_problems(value)] == ["/a~1b/1", "/c~0"]
