"""Networks of random weights, for the compiled path beside the plain one."""

import numpy as np

from engine.bptt.network import Network
from engine.cells import make_cell


def random_network(
    model: tuple[str, str | None],
    rng: np.random.Generator,
    *,
    hidden: int,
    gain: float,
    dtype: str,
    outputs: int = 2,
) -> Network:
    """Return a network of three inputs; `gain` is its weights' deviation."""
    network = Network(make_cell(*model), inputs=3, hidden=hidden, outputs=outputs, dtype=dtype)
    parameters = {
        name: (gain * rng.normal(size=shape)).astype(dtype)
        for name, shape in network.parameter_shapes.items()
    }
    for name, values in parameters.items():
        if name.startswith("bias_hh"):
            values[: 2 * hidden] = 0  # the GRU has a second bias for its candidate alone
    network.load(parameters)
    return network
