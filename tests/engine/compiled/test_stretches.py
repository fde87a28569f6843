"""Many stretches in one call: the bits of stretches one by one, exponents and all."""

from typing import Any

import numpy as np
import pytest

from engine.bptt import backward
from engine.bptt.at_once import swept_at_once
from engine.bptt.exponents import least_positive
from engine.bptt.sources import DenseSource
from engine.bptt.tape import CHUNK
from engine.compiled import stretches
from tests.engine.compiled.test_twins import LONG, TWINS, ready, swept

GAINS = {"vanishing": 0.02, "fading": 0.1, "ordinary": 0.2, "growing": 0.4, "exploding": 4.0}

LEAVES_THE_WINDOW = dict(zip(TWINS, (0.06, 0.4, 0.2, 0.06, 0.1, 0.1), strict=True))
"""A gain at which norms fall below the window, and not so fast that entries might be lost."""


def bits(found: dict[str, Any]) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in found.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("asked", ["last", "every"])
@pytest.mark.parametrize("gain", GAINS.values(), ids=list(GAINS))
@pytest.mark.parametrize("model", TWINS, ids=str)
def test_the_bits_are_those_of_stretches_one_by_one(
    model: tuple[str, str | None],
    gain: float,
    asked: str,
    dtype: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once = swept(model, dtype, layers=2, asked=asked, gain=gain)
    monkeypatch.setattr(backward, "swept_at_once", lambda _back, _bottom, top, _below: None)
    assert bits(at_once) == bits(swept(model, dtype, layers=2, asked=asked, gain=gain))


def kept(
    model: tuple[str, str | None], dtype: str, *, asked: str, gain: float, wanted: bool
) -> dict[str, bytes]:
    """Return what a sweep back leaves that keeps what is carried, with gradients or without."""
    sweep = ready(model, dtype, asked=asked, gain=gain)
    sweep.network.gradient.fill(0)
    sweep.keep_carried()
    sweep.add_gradients(wanted)
    sweep.backward()
    (gains,), (layer,) = sweep.gains(), sweep.backward_layers
    rows = layer.carried_rows
    found = {
        "gradient": sweep.network.gradient,
        "norms": sweep.log10_hidden_norms,
        "factors": gains.factors,
        "left out": gains.left_out,
        "exponents": rows.exponents,
        **rows.rows,
        **{f"squares of {name}": squares for name, squares in rows.squares.items()},
    }
    if rows.delta_squares is not None:
        found["squares of the path"] = rows.delta_squares
    return bits(found)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("asked", ["last", "some"])
@pytest.mark.parametrize("gain", [GAINS[name] for name in ("vanishing", "fading", "growing")])
@pytest.mark.parametrize("wanted", [True, False], ids=["gradients", "norms alone"])
@pytest.mark.parametrize("model", TWINS, ids=str)
def test_what_is_kept_on_the_way_is_that_of_stretches_one_by_one(
    model: tuple[str, str | None],
    wanted: bool,
    gain: float,
    asked: str,
    dtype: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once = kept(model, dtype, asked=asked, gain=gain, wanted=wanted)
    monkeypatch.setattr(backward, "swept_at_once", lambda _back, _bottom, top, _below: None)
    assert at_once == kept(model, dtype, asked=asked, gain=gain, wanted=wanted)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int | None, bool]]:
    """Return the row at which each call ends, and whether any row then has an exponent."""
    found: list[tuple[int | None, bool]] = []

    def watched(
        back: backward.LayerBackward, bottom: int, top: int, below: DenseSource | None
    ) -> int | None:
        reached = swept_at_once(back, bottom, top, below)
        found.append((reached, bool(back.row_exponents.any())))
        return reached

    monkeypatch.setattr(backward, "swept_at_once", watched)
    return found


@pytest.mark.parametrize("model", TWINS, ids=str)
def test_a_call_goes_through_where_norms_are_ordinary(
    model: tuple[str, str | None], calls: list[tuple[int | None, bool]]
) -> None:
    swept(model, "float32", asked="every", gain=0.2)
    assert calls == [(0, False)]


@pytest.mark.parametrize("model", TWINS, ids=str)
def test_a_call_goes_through_where_norms_get_exponents(
    model: tuple[str, str | None], calls: list[tuple[int | None, bool]]
) -> None:
    swept(model, "float32", asked="last", gain=LEAVES_THE_WINDOW[model])
    assert calls == [(0, True)]


@pytest.mark.parametrize("asked", ["some", "every"])
@pytest.mark.parametrize("model", [("elman", "tanh"), ("lstm", None)], ids=str)
def test_a_call_goes_through_where_something_arrives_while_there_are_exponents(
    model: tuple[str, str | None], asked: str, calls: list[tuple[int | None, bool]]
) -> None:
    swept(model, "float32", asked=asked, gain=0.02)
    assert calls == [(0, True)]


@pytest.mark.parametrize("model", TWINS, ids=str)
def test_a_layer_that_hands_down_and_one_that_gets_it_are_swept_in_a_call_each(
    model: tuple[str, str | None], calls: list[tuple[int | None, bool]]
) -> None:
    gain = max(0.1, LEAVES_THE_WINDOW[model])
    swept(model, "float32", layers=2, asked="last", gain=gain)
    assert calls == [(0, True), (0, True)]


def test_a_call_ends_before_a_stretch_in_which_something_outweighs_all(
    calls: list[tuple[int | None, bool]],
) -> None:
    swept(("elman", "tanh"), "float32", asked="twice", gain=0.06)
    assert calls == [(CHUNK, True), (None, True)]


def test_a_call_goes_through_where_a_sample_is_exactly_zero(
    calls: list[tuple[int | None, bool]],
) -> None:
    sweep = ready(("elman", "tanh"), "float32", asked="every", gain=0.2)
    sweep.readout.dy[..., 2] = 0
    sweep.backward()
    assert calls == [(0, True)]
    norms = sweep.log10_hidden_norms
    assert (norms[..., 2] == -np.inf).all()
    assert np.isfinite(np.delete(norms, 2, axis=2)).all()


@pytest.mark.parametrize(
    ("squares", "expected"),
    [
        ([[0.5, 0.25], [0.0, 4.0]], 0.25),
        ([[np.nan, 0.25], [0.0, np.inf]], 0.25),
        ([[np.nan], [0.0]], 1.0),
    ],
)
def test_the_loops_lengthen_stretches_by_the_norms_that_the_plain_path_goes_by(
    squares: list[list[float]], expected: float
) -> None:
    given = np.array(squares, np.float32)
    assert stretches.least_positive(given) == least_positive(given) == expected


def test_a_call_ends_where_entries_may_have_been_lost(
    calls: list[tuple[int | None, bool]],
) -> None:
    """A gain so small that one stretch brings a norm below what float32 has numbers for."""
    swept(("elman", "sigmoid"), "float32", asked="last", gain=0.02)
    assert calls[0] == (LONG // CHUNK * CHUNK, True)
    assert calls[1][0] == calls[0][0]
