"""The pictures beside the choice of an activation are those of its own points."""

import engine
from app.pages.curves import HEIGHT, WIDTH, Curve, activation_curves

CURVES = {curve.name: curve for curve in activation_curves(engine.catalog())}


def points_of(path: str) -> list[tuple[float, float]]:
    pairs = (pair.split() for pair in path.removeprefix("M").split("L"))
    return [(float(x), float(y)) for x, y in pairs]


def at_zero(curve: Curve, path: str) -> float:
    """How far above the axis a path is at a = 0."""
    return next(curve.zero_y - y for x, y in points_of(path) if x == curve.zero_x)


def test_every_activation_has_a_picture_within_its_frame() -> None:
    assert set(CURVES) == {entry["name"] for entry in engine.catalog()["activations"]}  # type: ignore[attr-defined]
    for curve in CURVES.values():
        for x, y in points_of(curve.value) + points_of(curve.slope):
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT


def test_the_slope_is_told_apart_from_the_value() -> None:
    tanh, sigmoid = CURVES["tanh"], CURVES["sigmoid"]
    assert at_zero(tanh, tanh.value) == 0
    # tanh′(0) = 1, sigmoid′(0) = 1/4, in the same units.
    assert at_zero(tanh, tanh.slope) / at_zero(sigmoid, sigmoid.slope) > 3.9
