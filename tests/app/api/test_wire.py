"""Numbers on the wire: what JSON lacks is named, and reads back to the same bits."""

import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from app.store import Slice, Written
from app.wire import array_json, csv_number, csv_rows, npy, to_json

SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-45, 1e308, 0.1]


def slice_of(values: "np.ndarray[tuple[int, ...], np.dtype[np.floating]]") -> Slice:
    """Return a slice with positions for coordinates."""
    axes = tuple("abc"[: values.ndim])
    coords = {axis: range(length) for axis, length in zip(axes, values.shape, strict=True)}
    return Slice(name="x", axes=axes, coords=coords, values=values, scale="plain")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, b'"NaN"'),
        (math.inf, b'"Infinity"'),
        (-math.inf, b'"-Infinity"'),
        (np.float32(math.inf), b'"Infinity"'),
        (None, b"null"),
        ({"a": [math.nan, {"b": (math.inf,)}]}, b'{"a":["NaN",{"b":["Infinity"]}]}'),
        (np.array([[1.0, math.nan]]), b'[[1.0,"NaN"]]'),
        ({"a": Written('{"b":[1,null]}')}, b'{"a":{"b":[1,null]}}'),
        (Written('[NaN,"NaN",-Infinity,1e400]'), b'["NaN","NaN","-Infinity","Infinity"]'),
    ],
    ids=str,
)
def test_numbers_that_json_lacks_are_named(value: object, text: bytes) -> None:
    assert to_json(value) == text


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5),
    )
)
def test_an_array_reads_back_from_json_to_the_same_bits(
    values: "np.ndarray[tuple[int, ...], np.dtype[np.floating]]",
) -> None:
    body = json.loads(array_json(slice_of(values)))
    flat = np.array(body["data"], dtype=object).reshape(-1)
    found = np.array([float(item) for item in flat], values.dtype).reshape(values.shape)
    assert np.array_equal(found, values, equal_nan=True)


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5),
    ),
    st.booleans(),
)
def test_an_npy_file_is_the_one_that_numpy_writes(
    values: "np.ndarray[tuple[int, ...], np.dtype[np.floating]]", turned: bool
) -> None:
    array = np.ascontiguousarray(values.T).T if turned else values
    out = io.BytesIO()
    np.save(out, np.ascontiguousarray(array), allow_pickle=False)
    assert npy(slice_of(array)) == out.getvalue()


@given(hnp.arrays(st.sampled_from([np.float32, np.float64]), st.tuples(st.integers(1, 20))))
def test_an_array_reads_back_from_csv_to_the_same_bits(
    values: "np.ndarray[tuple[int, ...], np.dtype[np.floating]]",
) -> None:
    lines = b"".join(csv_rows(slice_of(values))).decode().splitlines()[1:]
    found = np.array([float(line.split(",")[1]) for line in lines], values.dtype)
    assert np.array_equal(found, values, equal_nan=True)


def test_csv_goes_on_across_its_blocks() -> None:
    values = np.arange(3 * 4096 + 1, dtype=np.float64)
    lines = b"".join(csv_rows(slice_of(values))).decode().splitlines()
    assert lines[1:] == [f"{i},{float(i)}" for i in range(len(values))]


def test_what_is_not_defined_is_null_and_what_is_not_finite_is_not() -> None:
    values = np.array([[math.nan, math.nan], [1.0, math.inf]])
    undefined = np.array([[True, False], [False, False]])
    body = json.loads(array_json(slice_of(values), undefined))
    assert body["data"] == [[None, "NaN"], [1.0, "Infinity"]]


@pytest.mark.parametrize("value", SPECIAL)
def test_csv_numbers_are_the_shortest_that_read_back(value: float) -> None:
    text = csv_number(np.float64(value))
    assert np.array_equal(np.float64(text), np.float64(value), equal_nan=True)
