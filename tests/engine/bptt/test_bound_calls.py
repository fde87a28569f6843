"""What a step is said to bind is what Python allocates for it, within a quarter."""

import tracemalloc

import pytest

from engine.bptt.bound_calls import bound_bytes
from engine.bptt.network import Network
from engine.bptt.sweep import Sweep
from engine.cells import CELLS, make_cell
from engine.compiled import SWITCH

QUARTER = 0.25
LENGTHS = 500, 1500


def allocated(sweep_length: int, network: Network) -> int:
    """Return the bytes that a sweep takes, its arrays' numbers left out."""
    tracemalloc.start(1)
    try:
        sweep = Sweep(network, length=sweep_length, batch=1)
        layer = sweep.backward_layers[0]
        everything = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    tape = layer.tape
    return everything - sum(array.nbytes for array in (tape.inputs, tape.tape, tape.adjoints))


@pytest.mark.parametrize("name", CELLS)
def test_a_step_binds_what_is_said_of_every_cell(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "0")
    network = Network(make_cell(name), inputs=1, hidden=2, outputs=1)
    short, long = (allocated(length, network) for length in LENGTHS)
    found = (long - short) / (LENGTHS[1] - LENGTHS[0])
    assert sum(bound_bytes(make_cell(name))) == pytest.approx(found, rel=QUARTER)
