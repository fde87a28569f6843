"""Cells made of differential equations, and the complex diagonal one: two parts of state each.

cornn  z_t = z_{t−1} + Δt (tanh(W y_{t−1} + W_z z_{t−1} + U x_t + b) − γ y_{t−1} − ε z_{t−1})
       y_t = y_{t−1} + Δt z_t                      (Rusch & Mishra 2021, eq. 3)
       The paper leaves open whether ε damps z_{t−1} or z_t; explicit damping, z_{t−1}, is
       what the authors' code takes, and what stands here.
lem    Δt_t = Δt σ(W_1 y_{t−1} + U_1 x_t + b_1),  Δt̄_t = Δt σ(W_2 y_{t−1} + U_2 x_t + b_2)
       z_t = (1 − Δt_t) z_{t−1} + Δt_t tanh(W_z y_{t−1} + U_z x_t + b_z)
       y_t = (1 − Δt̄_t) y_{t−1} + Δt̄_t tanh(W_y z_t + U_y x_t + b_y)
                                                   (Rusch et al. 2022, eq. 3)
       In the authors' code the first block of weights belongs to Δt̄.
lru    s_t = λ s_{t−1} + e^γ_log (B x_t), complex; λ = e^(−e^ν_log + i e^θ_log)
       y_t = Re(C s_t) + D x_t                     (Orvieto et al. 2023, eq. 7 and A)
       D is a full matrix here, a diagonal one in the paper.
"""

from tests.reference.arithmetic import Tensor
from tests.reference.cells.base import Options, Reference, Shapes, State, Step, affine, gated


def cornn(step: Step) -> State:
    """Return the oscillators' positions h = y and velocities z."""
    y, z, options = step.state["h"], step.state["z"], step.options
    (a,) = step.gates()
    force = step.math.tanh(a + step.read["z"] @ step.weights["W_z"].T)
    pull = force - options["gamma"] * y - options["epsilon"] * z
    z = step.watch("z", z + options["dt"] * pull)
    return {"h": step.watch("h", y + options["dt"] * z), "z": z}


def lem(step: Step) -> State:
    """Return the output state h = y and the memory z, each with its own learned time step."""
    sigmoid, tanh, dt = step.math.sigmoid, step.math.tanh, step.options["dt"]
    x_1, x_2, x_z, x_y = step.from_input()
    recurrent = [step.read["h"] @ step.block("weight_hh", gate).T for gate in range(3)]
    slow = dt * sigmoid(x_1 + recurrent[0])
    fast = dt * sigmoid(x_2 + recurrent[1])
    written = slow * tanh(x_z + recurrent[2])
    z = step.watch("z", (1.0 - slow) * step.state["z"] + written)
    # W_y reads z_t: the watched one, or where what products read is held apart, one made of that.
    read = z if step.read is step.state else (1.0 - slow) * step.read["z"] + written
    candidate = tanh(x_y + read @ step.block("weight_hh", 3).T)
    return {"h": step.watch("h", (1.0 - fast) * step.state["h"] + fast * candidate), "z": z}


def lru(step: Step) -> State:
    """Return the real and imaginary parts of the state."""
    xp, weights = step.math.xp, step.weights
    modulus, phase = xp.exp(-xp.exp(weights["nu_log"])), xp.exp(weights["theta_log"])
    real, imaginary = modulus * xp.cos(phase), modulus * xp.sin(phase)
    scale = xp.exp(weights["gamma_log"])
    re, im = step.state["re"], step.state["im"]
    return {
        "re": step.watch("re", real * re - imaginary * im + scale * (step.x @ weights["B_re"].T)),
        "im": step.watch("im", real * im + imaginary * re + scale * (step.x @ weights["B_im"].T)),
    }


def _lru_output(step: Step, state: State) -> Tensor:
    weights = step.weights
    read = state["re"] @ weights["C_re"].T - state["im"] @ weights["C_im"].T
    return read + step.x @ weights["D"].T


def _lru_shapes(hidden: int, width: int, _: Options) -> Shapes:
    return {
        **dict.fromkeys(("nu_log", "theta_log", "gamma_log"), (hidden,)),
        **dict.fromkeys(("B_re", "B_im", "D"), (hidden, width)),
        **dict.fromkeys(("C_re", "C_im"), (hidden, hidden)),
    }


def _with_z(_: Options) -> tuple[str, ...]:
    return ("h", "z")


CORNN = Reference(
    shapes=lambda hidden, width, _: {**affine(1, hidden, width), "W_z": (hidden, hidden)},
    step=cornn,
    states=_with_z,
    made=("h", "z"),
    defaults={"dt": 0.042, "gamma": 2.7, "epsilon": 4.7},
    variants=((("dt", 0.4), ("gamma", 1.3), ("epsilon", 0.7)), ()),
)
LEM = Reference(
    shapes=gated(4),
    step=lem,
    states=_with_z,
    made=("h", "z"),
    defaults={"dt": 1.0},
    variants=((("dt", 0.6),), ()),
)
LRU = Reference(
    shapes=_lru_shapes,
    step=lru,
    states=lambda _: ("re", "im"),
    made=("re", "im"),
    hidden=("re", "im"),
    output=_lru_output,
)
