"""What the figures of load are made of, from measurements that are known."""

import pytest

from benchmarks.beside import Stretch, told

QUIET, SHARED = 0.01, 0.4


@pytest.mark.parametrize(
    ("waited", "slowdown", "undisturbed"),
    [
        ((QUIET, QUIET, QUIET), 0.02, 3),
        ((SHARED, QUIET, QUIET), 0.015, 2),
        ((SHARED, SHARED, SHARED), 0.02, 0),
    ],
    ids=["a quiet machine", "one pair disturbed", "all of them disturbed"],
)
def test_a_pair_taken_beside_other_work_counts_only_where_all_are(
    waited: tuple[float, ...], slowdown: float, undisturbed: int
) -> None:
    losses = (0.3, 0.01, 0.02)
    pairs = [
        (Stretch(rate=100.0, waited=each), Stretch(rate=100 * (1 - loss), waited=0.5))
        for each, loss in zip(waited, losses, strict=True)
    ]
    found = told(pairs)
    assert (found["slowdown"], found["undisturbed"]) == (slowdown, undisturbed)
    assert found["met"]
