"""Small slices of the statistics that further tabs draw, with the axes that they have."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PARAMETERS = ("weight_ih_l0", "weight_hh_l0", "readout.weight")
FACTORS = ("slope", "weights", "carry", "recurrent", "arriving")

Sliced = tuple[str, NDArray[Any], dict[str, Sequence[Any]]]


def further_slices(frames: Sequence[int], length: int, units: int, done: int) -> list[Sliced]:
    """Name, values and coordinates of each, made of simple formulas.

    Args:
        frames: the recorded steps.
        length: T.
        units: H.
        done: training steps done; per-step series have so many entries and one more.
    """
    count = len(frames)
    times = np.arange(1, length + 1)
    frame: dict[str, Sequence[Any]] = {"step": tuple(frames), "layer": (0,)}
    time = {"time": tuple(times.tolist())}
    falling = -0.3 * (length - times)
    wave = np.sin(times[:, None] + np.arange(units)[None, :])
    lags = (times[:, None] - times[None, :]).astype(float)
    terms = np.where(lags >= 0, -0.2 * lags, np.nan)
    reading = np.where(lags == 0, -1.0, np.nan)
    edges = np.concatenate([[-np.inf], np.arange(-8, 8.25, 0.25)])
    heap = np.zeros((length, edges.size))
    heap[:, 33], heap[:, 38], heap[:, -1] = 6.0, 3.0, 1.0
    sizes = np.concatenate([[0.0, 5e-324], 10.0 ** np.arange(-20, 10.25, 0.25)])
    entries = np.zeros((len(PARAMETERS), sizes.size))
    entries[:, 0], entries[:, 60] = 1.0, 3.0
    triangle = {"loss_time": time["time"], "state_time": time["time"]}
    factors = np.zeros((length, len(FACTORS)))
    factors[:, 0], factors[:, 1] = -0.5, 0.3
    ranks = {"rank": tuple(range(1, units + 1))}
    spectrum = np.linspace(0.2, -1.0, units)
    series = np.arange(done + 1)
    norms = np.stack([-1 - series / 50, -2 - series / 40, -0.5 - series / 60], axis=1)

    def tiled(values: NDArray[Any], layer: bool = True) -> NDArray[Any]:
        one = values[None, None] if layer else values[None]
        return np.repeat(one, count, axis=0).astype("f4")

    of_step = {"step": tuple(frames)}
    names = {"parameter": PARAMETERS}
    alone = np.where(times == length, 0, -np.inf)
    gate = np.stack([(wave + 1) / 2, wave])
    return [
        (
            "immediate_gradient_norm",
            tiled(alone),
            {**frame, **time},
        ),
        ("cell_gradient_norm", tiled(falling), {**frame, **time}),
        ("output_gradient_norm", tiled(falling / 2, False), {**of_step, **time}),
        ("activation", tiled(wave), {**frame, **time, "unit": tuple(range(units))}),
        ("activation_slope", tiled(1 - wave**2), {**frame, **time, "unit": tuple(range(units))}),
        ("gate", tiled(gate), {**frame, "gate": ("f", "g"), **time, "unit": tuple(range(units))}),
        (
            "path_gradient",
            tiled(np.stack([terms, terms - 1, reading]), False),
            {**of_step, **names, **triangle},
        ),
        ("gain_factors", tiled(factors), {**frame, **time, "factor": FACTORS}),
        (
            "jacobian_singular_values",
            tiled(np.tile(spectrum, (length, 1))),
            {**frame, **time, **ranks},
        ),
        ("jacobian_product_bound", tiled(0.1 * (length - times)), {**frame, **time}),
        ("jacobian_product_norm", tiled(falling), {**frame, **time}),
        ("lyapunov_spectrum", tiled(spectrum), {**frame, **ranks}),
        ("parameter_gradient_norm", norms, {"step": tuple(series.tolist()), **names}),
        ("accuracy", series / (done + 1), {"step": tuple(series.tolist())}),
        ("learning_rate", 10.0 ** (-series / (done + 1)), {"step": tuple(series.tolist())}),
        ("dead_units", tiled(np.array(0.25)), frame),
        (
            "preactivation_histogram",
            tiled(heap),
            {**frame, **time, "bin": tuple(edges.tolist())},
        ),
        (
            "parameter_gradient_histogram",
            tiled(entries, False),
            {**of_step, **names, "bin": tuple(sizes.tolist())},
        ),
        ("update_ratio", norms - 1, {"step": tuple(series.tolist()), **names}),
    ]
