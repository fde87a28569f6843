"""What a swept tape says of its states: gates, pre-activations, and dℓ/dc."""

from collections.abc import Iterator, Sequence

import numpy as np

from engine.arrays import Array
from engine.bptt.backward import LayerBackward
from engine.bptt.state_adjoints import LN_10, StateAdjoints, ln_norms
from engine.bptt.state_step import StateStep
from engine.bptt.tape import CHUNK, LayerTape


def gate_values(tape: LayerTape) -> Iterator[Array]:
    """Yield the values of every gate after its activation function, (T, H, B) each.

    A cell's only gate is its candidate. Others stand where their product wrote, in the tape.
    """
    cell = tape.cell
    if len(cell.gates) == 1:
        yield block_rows(tape, cell.candidate)
        return
    for gate in cell.gates:
        yield block_rows(tape, gate if gate in tape.tape_rows else _written(tape, gate))


def _written(tape: LayerTape, gate: str) -> str:
    """Return the block of a gate that does not lie under its own name."""
    rows = tape.cell.gate_rows(gate)
    return rows.h if rows.h in tape.tape_rows else tape.cell.candidate


def block_rows(tape: LayerTape, name: str) -> Array:
    """Return a block of every step, (T, H, B): of the tape, or of the states after the step."""
    values, rows = tape.holding(name)
    return values[:, rows]


def preactivations(tape: LayerTape) -> Array:
    """Return a of the (candidate's) function φ at every step, (T, H, B): the product made again."""
    cell = tape.cell
    block = cell.candidate
    writes = [p for p in tape.weights.products if block in p.out_rows]
    if not writes:  # the state itself stands before φ
        return block_rows(tape, cell.states[0])
    product = writes[0]
    weights = product.W[product.out_rows.span(block)]
    found: Array = np.matmul(weights, tape.inputs[: tape.length, tape.read(product)])
    if cell.candidate_sum is not None:
        before = tape.now(slice(0, tape.length))
        first, second = (before[name] for name in cell.candidate_sum)
        found += first * second
    return found


def fill_slopes(tape: LayerTape, slopes: Array) -> None:
    """Fill φ′ at the (candidate's) pre-activation, (T, H, B) in time; NaN where that is none."""
    cell = tape.cell
    values = tape.in_time(block_rows(tape, cell.candidate))
    cell.activation.slope_of_value(values, slopes)
    if np.isnan(values.min()):  # where functions of straight pieces still have a slope
        slopes[np.isnan(values)] = np.nan


def states_of(tape: LayerTape) -> Array:
    """Return h_t of every step, (T, H, B); of a state of two parts that is no output (T, 2H, B)."""
    cell = tape.cell
    if cell.state_totals:
        rows: Array = tape.tape[1:, tape.tape_rows.span(cell.states[0], cell.states[-1])]
        return rows
    if cell.state_delta is not None:  # made in the row of its step
        return tape.tape_rows.view(tape.tape[:-1], "h")
    return tape.outputs[1:]


def log10_cell_norms(layers: Sequence[LayerBackward]) -> Array:
    """Return log10 ‖dℓ/dc_t‖ up to the loss's scale, (S, T, B), of sweeps that kept the carries.

    NaN where the cell declares no `cell_delta`.
    """
    shape = layers[0].tape.length, layers[0].tape.batch
    if layers[0].tape.cell.cell_delta is None:
        return np.full((len(layers), *shape), np.nan)
    return np.stack([layer.tape.in_time(_cell_norms(layer)) for layer in layers]) / LN_10


def _cell_norms(layer: LayerBackward) -> Array:
    tape, adjoints, step = layer.tape, StateAdjoints(layer), StateStep(layer.tape)
    found = np.empty((tape.length, tape.batch))
    for start in range(0, tape.length, CHUNK):
        stop = min(start + CHUNK, tape.length)
        parts, exponents = adjoints.parts(slice(start + 1, stop + 1))
        deltas = step.pull(step.linearize(start, stop), parts).deltas
        kappa = tape.delta_rows.view(deltas, str(tape.cell.cell_delta))
        found[start:stop] = ln_norms(kappa, exponents)
    return found


def by_unit(values: Array, axis: int, hidden: int) -> Array:
    """Return |values| with H units along `axis`: of two parts side by side, the modulus."""
    if values.shape[axis] == hidden:
        return np.abs(values)
    return np.hypot(*np.split(values, 2, axis))
