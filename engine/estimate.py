"""What a run will need, from its configuration alone: memory, stored bytes and work.

Memory is that of the sweeps' arrays, block by block as tape.py, backward.py and stack_layer.py lay
them out, of the weights with their copies, of the batches, and of the largest array that a
statistic makes on the way. Work is in operations (multiplications and additions) of the matrix
products, n the weights of a layer's products, B the samples:

    a training step                       3 · 2·n·B·T: forward, back, gradients of the weights (1)
    and the steps T′ that it recomputes   2·n·B·T′, T′ < T                                    (1)
    a frame of a probe of B samples       2 · 2·n·B·T: forward and back, and as much once
                                          more where its weights' gradients are asked for     (2)
    and of a training batch in shards     (1) once more
    a matrix of R loss times in a frame   2·n·B·Σ t over the loss times t                     (3)
    Jacobians at R times in a frame       2·n_s·B·N·R, n_s the weights that read states,
                                          N the rows of a layer's whole state                 (4)
"""

import math
from dataclasses import asdict, dataclass

from engine.bptt.footprint import CALL_BYTES
from engine.bptt.sharded_sweep import shard_sizes
from engine.bptt.side_by_side import SideBySide
from engine.bptt.slope_counts import COUNTED_AT_ONCE
from engine.bptt.stack import BLOCK
from engine.cells import Cell
from engine.config import RunConfig
from engine.learning.held_out import part_size
from engine.learning.memory import footprint, recomputes
from engine.recording.layout import Layout, layouts, recorded_definitions
from engine.recording.schedule import frame_steps
from engine.tasks import Data, Task, make_task

HEAVY = {
    "hidden_gradient": 4,
    "preactivation_histogram": 20,
}
"""Bytes for each (layer, time, sample, unit) that a statistic holds on the way."""

COUNTED = 13
"""Bytes for each slope that a histogram counts at once."""

JACOBIANS = {"jacobian_singular_values": 1, "jacobian_product_norm": 1, "lyapunov_spectrum": 6}
"""Statistics that take every unit adjoint of a layer's whole state a step back, with the doubles
that they hold for each entry of a Jacobian: itself; or that, its product with Q, LAPACK's copy,
the new Q and R, and the Q before."""

OWN_SLOPES = {"activation_slope", "activation_slope_histogram"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What a run will need.

    Attributes:
        memory: Bytes of arrays at the run's peak, without the interpreter's own.
        stored: Bytes of the recorded frames and series and of the checkpoints.
        work: Operations of all matrix products of the run.
        frames: How many frames it will record.
        weights: Bytes of all parameters once.
    """

    memory: int
    stored: int
    work: int
    frames: int
    weights: int

    def to_dict(self) -> dict[str, int]:
        """Return the fields as plain values."""
        return asdict(self)


def estimate(config: RunConfig, data: Data | None = None) -> Estimate:
    """Return what a run of the configuration, on `data` where it reads some, will need.

    Example:
        >>> model = {"cell": "elman", "hidden_size": 64}
        >>> task = {"kind": "adding", "length": 100}
        >>> needed = estimate(RunConfig.from_dict({"task": task, "model": model}))
        >>> needed.frames, needed.memory < 2**28
        (21, True)
    """
    run = _Run(config, data)
    frames = len(frame_steps(every=config.recording.every, last=config.training.steps))
    return Estimate(
        memory=run.memory(),
        stored=run.stored(frames),
        work=run.work(frames),
        frames=frames,
        weights=run.parameters * run.item,
    )


class _Run:
    """The sizes of one run."""

    def __init__(self, config: RunConfig, data: Data | None) -> None:
        model, training = config.model, config.training
        self.config = config
        self.cell: Cell = model.make_cell()
        self.task: Task = make_task(config.task, config.seed, training.precision, data)
        self.T, self.H, self.S = self.task.length, model.hidden_size, len(model.layer_axis)
        self.sides = self.S // model.layers
        self.item = 8 if training.precision == "float64" else 4
        self.sizes, self.recomputes = footprint(config, self.task), recomputes(config, self.task)
        self.layouts: dict[str, Layout] = layouts(config, data)
        self.names = {d.name for d in recorded_definitions(config)}
        self.of_probe = config.recording.batch == "probe"
        self.frame_size = config.recording.probe_size if self.of_probe else training.batch_size
        self.shards = shard_sizes(training.batch_size, training.threads)
        # What looks at a batch that was swept in shards has it swept by one thread once more.
        self.sweeps_again = len(self.shards) > 1 and not self.of_probe

    # Sizes of a layer

    def weights(self, layer: int) -> int:
        """Return the entries of a layer's product matrices."""
        heights = {"x": self.sizes.read(layer), "one": 1}
        return sum(
            len(product.out) * self.H * sum(heights.get(name, self.H) for name in product.reads)
            for product in self.cell.products
        )

    def _reads_of_states(self) -> int:
        """Return the entries of a layer's product matrices that read a state."""
        return sum(
            len(product.out) * len(product.states_read) * self.H**2
            for product in self.cell.products
        )

    @property
    def parameters(self) -> int:
        """Entries of the flat vector."""
        readout = self.task.outputs * (self.sides * self.H + 1)
        return sum(self.weights(layer) for layer in range(self.S)) + readout

    def _places(self, count: int) -> SideBySide:
        """Return how loss times of a frame stand in the rows of a stack."""
        one_way = self.sides == 1
        return SideBySide.of(count, self.frame_size) if one_way else SideBySide(1, self.frame_size)

    def _layer_stack(self, batch: int, count: int) -> int:
        """Return the bytes of a layer's stack of `count` rows with `batch` columns."""
        cell, H, T = self.cell, self.H, self.T
        furthest = sum(lag for lag in cell.lags.values() if lag > 1)
        rows = len(cell.read_states) + len(cell.deltas) + 1 + furthest
        adjoints = count * rows * H * batch * self.item
        norms = count * (T + 1) * batch * (self.item + 4)
        return T * len(cell.slopes) * H * batch * self.item + adjoints + norms + T * CALL_BYTES

    # What is asked for

    def swept_times(self) -> list[list[int]]:
        """Return the loss times that a frame's stacks sweep back, a list for each statistic.

        Where the loss asks once, its row is what the sweep has left already.
        """
        asked = self.task.asked_times
        several = len(asked) > 1
        found = [sorted({asked[0] if self.sides > 1 else asked[-1], asked[-1]})] if several else []
        if several and "loss_state_gradient" in self.names:
            times = self.layouts["loss_state_gradient"].coords["loss_time"]
            found.append([int(t) for t in times if t in asked])
        if "path_gradient" in self.names:
            found.append([int(t) for t in self.layouts["path_gradient"].coords["loss_time"]])
        return found

    def _jacobian(self) -> int:
        """Return the bytes of the Jacobians of one step, and of the way back to them."""
        doubles = max((JACOBIANS.get(name, 0) for name in self.names), default=0)
        if not doubles:
            return 0
        cell, size, rows = self.cell, self.frame_size, len(self.cell.state_names) * self.H
        # Earlier outputs that a state still holds are copied as they move on.
        earlier = len(cell.state_names) - len(cell.states)
        blocks = len(cell.deltas) + 2 * len(cell.read_states) + 3 * earlier
        back = rows * blocks * self.H * size * self.item
        return back + size * rows**2 * (self.item + doubles * 8)

    def _pulled_times(self) -> int:
        """Return at how many steps a frame takes all unit adjoints back, over its statistics."""
        sampled = self.layouts.get("jacobian_singular_values")
        found = 0 if sampled is None else len(sampled.coords["time"])
        return found + self.T * len({"jacobian_product_norm", "lyapunov_spectrum"} & self.names)

    def memory(self) -> int:
        """Return the bytes at the run's peak."""
        B, asked = self.config.training.batch_size, len(self.task.asked_times)
        total = self._of_weights() + self.task.data_bytes
        observed = not self.of_probe and not self.sweeps_again
        for size in self.shards:
            if self.recomputes:
                total += self.sizes.segmented(size, asked)
            else:
                total += self.sizes.whole(size, observed=observed)
        if self.sweeps_again:
            total += self.sizes.whole(B)
        if self.of_probe:
            total += self.sizes.whole(self.frame_size)
        total += self._of_frame()
        sequence = self._of_sequence()
        if any(name.startswith("validation") for name in self.names):
            held_out = self.task.held_out_size
            if held_out is None:
                held_out = round(self.config.task.pool * self.config.task.validation)
            total += self.sizes.segmented(part_size(held_out), asked, back=False)
            total += held_out * sequence
        K = self.task.outputs
        # Of one output the derivatives are an outer product, made a stretch at a time.
        readout = asked * B * self.item * (4 * K + (2 * self.H if K > 1 else 0))
        return total + 3 * B * sequence + readout

    def _of_sequence(self) -> int:
        """Return the bytes of one sequence: inputs, targets and mask."""
        target = 8 if self.task.loss == "cross_entropy" else self.task.outputs * self.item
        return self.T * (self.task.inputs * self.item + target + 1)

    def _of_weights(self) -> int:
        """Return the bytes of weights, gradients, copies and moments."""
        moments = {"sgd": 1, "rmsprop": 2, "adagrad": 1, "adam": 2, "adamw": 2}
        kind = self.config.training.optimizer.kind
        copies = 6 + moments[kind]  # weights, gradient, clipped, forward, Wᵀ, shares
        return self.parameters * ((copies + len(self.shards) - 1) * self.item + 8)

    def _of_frame(self) -> int:
        """Return the bytes that a frame's statistics add."""
        size, T, H, S = self.frame_size, self.T, self.H, self.S
        units = S * T * size * H
        found = [(len(times), self._places(len(times))) for times in self.swept_times()]
        stacks = {(places.columns, min(places.rows(n), BLOCK)) for n, places in found}
        total = sum(S * self._layer_stack(columns, rows) for columns, rows in stacks)
        total += sum(
            2 * rows * self.sizes.side_by_side(size) * self.sides // S for _, rows in stacks
        )
        total += units * self.item * (bool(OWN_SLOPES & self.names) + ("activation" in self.names))
        on_the_way = units * max((HEAVY.get(name, 0) for name in self.names), default=0)
        if "activation_slope_histogram" in self.names and self.sizes.bound is not None:
            on_the_way = max(on_the_way, COUNTED * min(units, max(COUNTED_AT_ONCE, size * H)))
        total += on_the_way
        total += self._jacobian()
        total += 8 * S * T * size * (5 + 1) * 3  # logs of the factors, and of norms
        kept = (layout for layout in self.layouts.values() if not layout.per_step)
        return total + sum(math.prod(layout.shape) * 12 for layout in kept)

    def stored(self, frames: int) -> int:
        """Return the bytes of frames, series and checkpoints."""
        steps, recording = self.config.training.steps, self.config.recording
        total = 0
        for layout in self.layouts.values():
            rows, width = (steps, 8) if layout.per_step else (frames, 4)
            total += rows * width * math.prod(layout.shape)
        probe = recording.probe_size * self._of_sequence()
        return total + len(recording.checkpoints) * (self.parameters * self.item + probe)

    def work(self, frames: int) -> int:
        """Return the operations of all matrix products."""
        B, T = self.config.training.batch_size, self.T
        layers = sum(self.weights(layer) for layer in range(self.S))
        asked = len(self.task.asked_times) * self.task.outputs * (self.sides * self.H + 1)
        step = 3 * 2 * B * (layers * T + asked)  # (1)
        if self.recomputes:
            step += 2 * B * layers * self.sizes.swept_twice  # (1)
        sweeps = 4 if "parameter_gradient_histogram" in self.names else 2
        frame = sweeps * 2 * self.frame_size * (layers * T + asked) if self.of_probe else 0  # (2)
        frame += step if self.sweeps_again else 0  # (1)
        swept = sum(T * len(t) if self.sides > 1 else sum(t) for t in self.swept_times())
        matrix = 2 * self.frame_size * layers * swept  # (3)
        rows, pulled = len(self.cell.state_names) * self.H, self._pulled_times()
        matrix += 2 * self.frame_size * self.S * self._reads_of_states() * rows * pulled  # (4)
        return self.config.training.steps * step + frames * (frame + matrix)
