"""Back-propagation through time: tape, sweep, stack of adjoints, and what is observed of them.

A `Network` (network.py) has layers of one cell and a read-out over one flat vector of parameters;
a `Sweep` (sweep.py) goes forward and back through it and leaves the gradient there; an
`Observation` (observation.py) is what statistics read of a sweep, `Jacobians` (jacobians.py) has
∂s_t/∂s_{t−1} of a layer. A layer's memory is laid out in tape.py, its sweep back in way_back.py (a
step) and backward.py (all steps). All of them know a cell by what it declares and by nothing else,
so that any `Cell` can be swept, whether or not it is in CELLS.

Example: a cell's gradient along a random direction against central differences.
    >>> import numpy as np
    >>> from engine.bptt.network import Network
    >>> from engine.bptt.sweep import Sweep
    >>> from engine.cells import make_cell
    >>> from engine.tasks.base import Batch
    >>> rng = np.random.default_rng(0)
    >>> network = Network(make_cell("mgu"), inputs=2, hidden=4, outputs=3, dtype="float64")
    >>> sweep = Sweep(network, length=7, batch=5)
    >>> inputs, targets = rng.normal(size=(7, 5, 2)), rng.integers(0, 3, (7, 5))
    >>> batch = Batch(inputs, targets, mask=np.ones((7, 5), bool))
    >>> start = {name: rng.normal(size=shape) for name, shape in network.parameter_shapes.items()}
    >>> way = {name: rng.normal(size=values.shape) for name, values in start.items()}
    >>> def loss(step):
    ...     network.load({name: start[name] + step * way[name] for name in start})
    ...     return sweep.forward(batch, "cross_entropy").value
    >>> measured = (loss(1e-6) - loss(-1e-6)) / 2e-6
    >>> _ = loss(0)
    >>> sweep.backward()
    >>> exact = sum(np.sum(g * way[name]) for name, g in network.gradients().items())
    >>> bool(abs(exact - measured) < 1e-6 * abs(exact))
    True

And a step's Jacobian, of all states together, against differences too:
    >>> from engine.bptt.jacobians import Jacobians
    >>> one, states = Sweep(network, length=1, batch=5), network.cell.state_names
    >>> before = {name: rng.normal(size=(1, 5, 4)) for name in states}
    >>> along = {name: rng.normal(size=(1, 5, 4)) for name in states}
    >>> def after(step):
    ...     one.unroll(inputs[:1], {name: before[name] + step * along[name] for name in states})
    ...     return np.concatenate([one.tapes[0].now(1)[name].T for name in states], axis=1)
    >>> measured = (after(1e-6) - after(-1e-6)) / 2e-6
    >>> _ = after(0)
    >>> (jacobian,) = Jacobians(one.tapes[0]).steps([1])  # (B, n, n)
    >>> way = np.concatenate([along[name][0] for name in states], axis=1)
    >>> bool(np.abs(np.einsum("bij,bj->bi", jacobian, way) - measured).max() < 1e-7)
    True
"""
