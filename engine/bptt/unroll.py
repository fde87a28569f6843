"""One layer's recurrence over the steps of its tape, from given states on.

A state is given as everybody names it, or as the tape holds it after its last step: then whoever
goes on from there goes on with the same bits.
"""

from collections.abc import Mapping

import numpy as np

from engine.arrays import Array
from engine.bptt.tape import LayerTape

OUTPUT = "output"
"""What products read of a state that the step after it does not need itself."""


def unroll(tape: LayerTape, xs: Array, states: Mapping[str, Array]) -> None:
    """Run all steps of a tape.

    Args:
        tape: The layer's.
        xs: What it reads, in its own order, (T, D, B).
        states: State name -> (H, B); what is missing starts at zero.
    """
    _start(tape, states)
    run(tape, xs)


def run(tape: LayerTape, xs: Array) -> None:
    """Run all steps of a tape from the states that are in its first row."""
    np.copyto(tape.xs[:-1], xs)
    tape.saturated.start()
    for function, arguments in tape.forward_program:
        function(*arguments)


def states_after(tape: LayerTape) -> dict[str, Array]:
    """Return views of all that steps after the last one need of those before, (H, B) each."""
    cell, row = tape.cell, tape.now(tape.length)
    found = {name: row[name] for name in cell.states if name != "h"}
    found[OUTPUT] = tape.outputs[tape.length]
    earlier = cell.state_names[len(cell.states) :]
    return found | {
        name: tape.outputs[tape.length - back] for back, name in enumerate(earlier, start=1)
    }


def go_on(tape: LayerTape, states: Mapping[str, Array], xs: Array) -> None:
    """Run all steps of a tape from what `states_after` gave of another, or copies of it."""
    row = tape.now(0)
    for name, value in states.items():
        if name == OUTPUT:
            tape.outputs[0] = value
        elif name in tape.cell.states:
            row[name][...] = value
        else:
            tape.set_earlier(int(name.removeprefix("h_")), value)
    tape.set_earlier(0, tape.outputs[0])
    run(tape, xs)


def _start(tape: LayerTape, states: Mapping[str, Array]) -> None:
    row = tape.now(0)
    for name in tape.cell.state_names:
        first = states.get(name)
        if name not in tape.cell.states:
            tape.set_earlier(int(name.removeprefix("h_")), first)
        elif name == "h" and tape.cell.output != "h":
            value = np.zeros_like(tape.outputs[0]) if first is None else np.array(first)
            tape.cell.activation.apply(
                value.astype(tape.dtype), tape.outputs[0], np.zeros_like(tape.outputs[0])
            )
        else:
            row[name][...] = 0 if first is None else first
    tape.set_earlier(0, tape.outputs[0])
