"""Many stretches in one call: the bits of stretches one by one, as far as norms are ordinary."""

from typing import Any

import pytest

from engine.bptt import backward
from engine.bptt.at_once import swept_at_once
from engine.bptt.tape import CHUNK
from tests.engine.compiled.test_twins import LONG, TWINS, swept

GAINS = {"vanishing": 0.02, "ordinary": 0.2, "growing": 0.4, "exploding": 4.0}


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
    monkeypatch.setattr(backward, "swept_at_once", lambda _back, _bottom, top: top)
    assert bits(at_once) == bits(swept(model, dtype, layers=2, asked=asked, gain=gain))


@pytest.mark.parametrize(
    ("gain", "ends"), [(0.2, [0]), (0.02, range(CHUNK, LONG + 1))], ids=["ordinary", "vanishing"]
)
@pytest.mark.parametrize("model", TWINS, ids=str)
def test_the_call_ends_where_norms_are_no_longer_ordinary(
    model: tuple[str, str | None],
    gain: float,
    ends: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[int] = []

    def watched(back: backward.LayerBackward, bottom: int, top: int) -> int:
        found.append(swept_at_once(back, bottom, top))
        return found[-1]

    monkeypatch.setattr(backward, "swept_at_once", watched)
    swept(model, "float32", asked="every" if gain > 0.1 else "last", gain=gain)
    (reached,) = found
    assert reached in ends
