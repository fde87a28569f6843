"""What a configuration is said to need is what its run takes, within a quarter."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from engine import Recorder, RunConfig, estimate, train
from engine.bptt.sweep import Sweep

Configuration = dict[str, object]
QUARTER = 0.25


def configuration(
    task: Configuration, model: Configuration, batch_size: int = 32, **other: object
) -> Configuration:
    training = {
        "steps": 3,
        "batch_size": batch_size,
        "precision": other.pop("precision", None),
        "memory": other.pop("memory", None),
        "threads": other.pop("threads", None),
    }
    return {
        "task": task,
        "model": model,
        "training": {key: value for key, value in training.items() if value is not None},
        "recording": {"every": 2, **other},
    }


RUNS = {
    "adding": configuration(
        {"kind": "adding", "length": 100}, {"cell": "elman", "hidden_size": 64}
    ),
    "two layers": configuration(
        {"kind": "adding", "length": 100}, {"cell": "lstm", "hidden_size": 48, "layers": 2}
    ),
    "asked often": configuration(
        {"kind": "copy", "length": 60}, {"cell": "gru", "hidden_size": 48}, 16
    ),
    "float64": configuration(
        {"kind": "copy", "length": 80},
        {"cell": "elman", "hidden_size": 32},
        64,
        precision="float64",
    ),
    "two stages": configuration(
        {"kind": "temporal_order", "length": 80},
        {"cell": "mgu", "hidden_size": 40, "layers": 2},
        20,
    ),
    "training batch": configuration(
        {"kind": "adding", "length": 100},
        {"cell": "lstm", "hidden_size": 128},
        8,
        batch="training",
        statistics=["hidden_gradient_norm"],
    ),
    "two directions": configuration(
        {"kind": "copy", "length": 60},
        {"cell": "lstm", "hidden_size": 40, "layers": 2, "bidirectional": True},
        16,
    ),
    "earlier states": configuration({"kind": "digits"}, {"cell": "skip", "hidden_size": 32}),
    "path terms": configuration(
        {"kind": "adding", "length": 400},
        {"cell": "elman", "hidden_size": 16},
        16,
        statistics=["path_gradient"],
    ),
    "singular values": configuration(
        {"kind": "adding", "length": 20},
        {"cell": "lstm", "hidden_size": 64},
        16,
        statistics=["jacobian_singular_values"],
    ),
    "products": configuration(
        {"kind": "adding", "length": 20},
        {"cell": "gru", "hidden_size": 96},
        16,
        statistics=["jacobian_product_norm"],
    ),
    "products of long states": configuration(
        {"kind": "adding", "length": 20},
        {"cell": "skip", "hidden_size": 16},
        16,
        statistics=["jacobian_product_norm"],
    ),
    "recomputed": configuration(
        {"kind": "adding", "length": 2000},
        {"cell": "lstm", "hidden_size": 64},
        32,
        memory="recomputed",
        probe_size=1,
        statistics=[],
    ),
    "recomputed layers": configuration(
        {"kind": "adding", "length": 1000},
        {"cell": "gru", "hidden_size": 48, "layers": 2},
        32,
        memory="recomputed",
        probe_size=1,
        statistics=[],
    ),
    "recomputed and asked often": configuration(
        {"kind": "sine_forecast", "length": 1000},
        {"cell": "skip", "hidden_size": 48},
        32,
        precision="float64",
        memory="recomputed",
        probe_size=1,
        statistics=[],
    ),
    "ten thousand steps": configuration(
        {"kind": "adding", "length": 10_000},
        {"cell": "elman", "activation": "sigmoid", "hidden_size": 64},
        8,
        memory="whole",
        probe_size=8,
        statistics=[],
    ),
    "ten thousand steps recomputed": configuration(
        {"kind": "adding", "length": 10_000},
        {"cell": "lstm", "hidden_size": 64},
        8,
        memory="recomputed",
        probe_size=1,
        statistics=["saturation"],
    ),
    "three threads": configuration(
        {"kind": "copy", "length": 60},
        {"cell": "gru", "hidden_size": 48, "layers": 2},
        40,
        threads=3,
        statistics=[],
    ),
    "threads and frames of the batch": configuration(
        {"kind": "adding", "length": 100},
        {"cell": "mgu", "hidden_size": 48},
        40,
        threads=2,
        batch="training",
        statistics=[],
    ),
    "exponents": configuration(
        {"kind": "adding", "length": 20},
        {"cell": "elman", "hidden_size": 96},
        16,
        statistics=["lyapunov_spectrum"],
    ),
}

every_one = pytest.mark.parametrize("kind", RUNS)


class Measured:
    """Peak memory and stored bytes of a run that really runs."""

    def __init__(self, config: RunConfig) -> None:
        for snapshot in train(config):  # what a first run loads or compiles is loaded before
            Recorder(config).look(snapshot)
        recorder, self.stored = Recorder(config), 0
        tracemalloc.start(1)
        try:
            for snapshot in train(config):
                frame = recorder.look(snapshot)
                if frame is not None:
                    arrays = [*frame.arrays.values(), *frame.series.values()]
                    self.stored += sum(array.nbytes for array in arrays)
            self.peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        probe = snapshot.probe
        kept = [*snapshot.parameters().values(), probe.inputs, probe.targets, probe.mask]
        self.stored += len(config.recording.checkpoints) * sum(array.nbytes for array in kept)


@pytest.fixture(scope="module")
def run() -> Callable[[str], Measured]:
    """Measure a configuration, each once."""
    made: dict[str, Measured] = {}

    def measured(kind: str) -> Measured:
        if kind not in made:
            made[kind] = Measured(RunConfig.from_dict(RUNS[kind]))
        return made[kind]

    return measured


@every_one
def test_memory_is_within_a_quarter_of_what_is_measured(
    kind: str, run: Callable[[str], Measured]
) -> None:
    needed = estimate(RunConfig.from_dict(RUNS[kind]))
    assert needed.memory == pytest.approx(run(kind).peak, rel=QUARTER)


@every_one
def test_stored_bytes_are_within_a_quarter_of_what_is_measured(
    kind: str, run: Callable[[str], Measured]
) -> None:
    needed = estimate(RunConfig.from_dict(RUNS[kind]))
    assert needed.stored == pytest.approx(run(kind).stored, rel=QUARTER)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", ["mgu", "skip", "preactivation", "lem"])
def test_work_is_within_a_quarter_of_the_products_that_a_step_is_bound_to(
    cell: str, layers: int
) -> None:
    config = RunConfig.from_dict(
        configuration(
            {"kind": "adding", "length": 30},
            {"cell": cell, "hidden_size": 24, "layers": layers},
            statistics=[],
        )
    )
    snapshot = next(iter(train(config)))
    sweep = Sweep(snapshot.network, length=30, batch=32)
    forward = back = 0
    for layer in sweep.backward_layers:
        forward += sum(operations(call) for call in layer.tape.forward_program)
        back += sum(operations(call) for calls in layer.tape.back_program for call in calls)
    # The gradients of the weights are products of the same sizes as those of the way forward.
    step = forward + back + forward
    frames = estimate(config).frames * step * config.recording.probe_size / 32
    assert estimate(config).work == pytest.approx(3 * step + frames, rel=QUARTER)


def test_recomputed_states_are_less_than_one_more_forward_sweep() -> None:
    task: Configuration = {"kind": "adding", "length": 400}
    configs = [
        RunConfig.from_dict(configuration(task, {"cell": "mgu"}, memory=memory))
        for memory in ("whole", "recomputed")
    ]
    network = next(iter(train(configs[0]))).network
    sweep = Sweep(network, length=400, batch=32)
    forward = sum(operations(call) for call in sweep.tapes[0].forward_program)
    whole, again = (estimate(config).work for config in configs)
    assert 0.8 * forward < (again - whole) / 3 < forward


def operations(call: tuple[Callable[..., object], tuple[np.ndarray, ...]]) -> int:
    """Return the operations of a bound call, 0 where it is no matrix product."""
    function, arguments = call
    if function is np.matmul:
        left, right, _ = arguments
    elif getattr(function, "__name__", "") == "dot":
        left, right = function.__self__, arguments[0]  # type: ignore[attr-defined]  # of an array
    else:
        return 0
    return int(2 * np.prod(left.shape) * right.shape[-1])


def test_work_grows_with_the_steps_and_frames_with_their_distance() -> None:
    def needed(steps: int, every: int) -> tuple[int, int]:
        found = estimate(
            RunConfig.from_dict(
                {
                    "task": {"kind": "adding", "length": 20},
                    "model": {"cell": "elman", "hidden_size": 8},
                    "training": {"steps": steps},
                    "recording": {"every": every},
                }
            )
        )
        return found.frames, found.work

    assert needed(100, 10)[0] == 11
    (_, few), (_, many) = needed(1000, 1000), needed(2000, 2000)
    assert many == pytest.approx(2 * few, rel=0.01)


@pytest.mark.parametrize("cell", ["elman", "lstm", "skip"])
def test_jacobians_are_as_many_steps_back_as_a_state_has_rows(cell: str) -> None:
    model = {
        "cell": cell,
        "hidden_size": 24,
        **({"options": {"skip": 3}} if cell == "skip" else {}),
    }
    works = [
        estimate(
            RunConfig.from_dict(
                configuration({"kind": "adding", "length": 30}, model, statistics=names)
            )
        )
        for names in ([], ["lyapunov_spectrum"])
    ]
    rows = {"elman": 24, "lstm": 48, "skip": 72}[cell]
    reads = {"elman": 1, "lstm": 4, "skip": 2}[cell] * 24**2
    one_frame = 2 * reads * 16 * rows * 30
    assert works[1].work - works[0].work == works[1].frames * one_frame
