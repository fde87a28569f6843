"""The update that comes next, looked at before it is made."""

import numpy as np

from engine.arrays import Array
from engine.bptt.network import Network
from engine.learning.optimizers import Updater


def update_ratios(
    network: Network, updater: Updater, clipped: Array, rate: float, step: int
) -> dict[str, float]:
    """Return ‖ΔP‖/‖P‖ of the update that comes next, by public name; nothing is changed.

    The update is made on the weights and moments themselves and taken back, bit for bit.

    Args:
        network: What is trained.
        updater: Its optimizer.
        clipped: The gradient that the update is made of.
        rate: Of the update.
        step: Updates done before it.
    """
    touched = [network.flat, clipped, *updater.moments.values()]
    kept = [array.copy() for array in touched]
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        updater.update(network.flat, clipped, rate, step)
        change = network.named(network.flat.astype(np.float64) - kept[0])
        for array, before in zip(touched, kept, strict=True):
            np.copyto(array, before)
        weights = network.parameters()
        return {
            name: float(np.divide(np.linalg.norm(change[name]), _norm(weights[name])))
            for name in weights
        }


def _norm(array: Array) -> np.float64:
    return np.float64(np.linalg.norm(array.astype(np.float64)))
