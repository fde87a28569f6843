"""Cells with gates (σ logistic, products of gates elementwise).

lstm           i, f, o = σ(…), g = tanh(…); c_t = f c_{t−1} + i g; h_t = o tanh(c_t)
                                          (Gers, Schmidhuber & Cummins 2000)
peephole_lstm  i and f also read p ⊙ c_{t−1}, o reads p_o ⊙ c_t  (Gers & Schmidhuber 2000;
               both squashing functions are tanh, as in Gers et al. 2002 and since)
gru            r, z = σ(…); h_t = (1 − z) n + z h_{t−1}                  (Cho et al. 2014)
               after:  n = tanh(W_xn x_t + b_in + r (W_hn h_{t−1} + b_hn))
               before: n = tanh(W_xn x_t + b_n + W_hn (r h_{t−1}))
ugrnn          g = σ(…), c = tanh(…); h_t = g h_{t−1} + (1 − g) c
                                          (Collins, Sohl-Dickstein & Sussillo 2017)
mgu            f = σ(…); n = tanh(W_n (f h_{t−1}) + U_n x_t + b_n);
               h_t = (1 − f) h_{t−1} + f n                               (Zhou et al. 2016)
janet          s = W_f h_{t−1} + U_f x_t + b_f; c̃ = tanh(…);
               c_t = σ(s) c_{t−1} + (1 − σ(s − β)) c̃, h_t = c_t
                                          (van der Westhuizen & Lasenby 2018)
min_gru        z = σ(U_z x_t + b_z); h_t = (1 − z) h_{t−1} + z (U_n x_t + b_n)
                                          (Feng et al. 2024)
antisymmetric  h_t = h_{t−1} + ε z tanh(V h_{t−1} + U_h x_t + b_h), V = M − Mᵀ − γI;
               z = 1, or where gated z = σ(V h_{t−1} + U_z x_t + b_z)
                                          (Chang et al. 2019)
"""

import numpy as np

from tests.reference.arithmetic import Arithmetic, Tensor
from tests.reference.cells.base import Options, Reference, Shapes, State, Step, affine, gated


def lstm(step: Step) -> State:
    """Return h and c. h reads the watched c, so that dℓ/dc_t includes the way through h_t."""
    sigmoid, tanh = step.math.sigmoid, step.math.tanh
    a_i, a_f, a_g, a_o = step.gates()
    c = step.watch("c", sigmoid(a_f) * step.state["c"] + sigmoid(a_i) * tanh(a_g))
    return {"h": step.watch("h", sigmoid(a_o) * tanh(c)), "c": c}


def peephole_lstm(step: Step) -> State:
    """Return h and c of an LSTM whose gates see the cell."""
    sigmoid, tanh = step.math.sigmoid, step.math.tanh
    a_i, a_f, a_g, a_o = step.gates()
    before = step.state["c"]
    i = sigmoid(a_i + step.weights["p_i"] * before)
    f = sigmoid(a_f + step.weights["p_f"] * before)
    c = step.watch("c", f * before + i * tanh(a_g))
    o = sigmoid(a_o + step.weights["p_o"] * c)
    return {"h": step.watch("h", o * tanh(c)), "c": c}


def gru(step: Step) -> State:
    """Return a state that z keeps; r opens the candidate's way back, at either end of W_hn."""
    sigmoid, h = step.math.sigmoid, step.state["h"]
    x_r, x_z, x_n = step.from_input()
    h_r, h_z, h_n = step.from_state()
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    before = step.options["reset"] == "before"
    from_h = (r * step.read["h"]) @ step.block("weight_hh", 2).T if before else r * h_n
    return {"h": step.watch("h", (1.0 - z) * step.math.tanh(x_n + from_h) + z * h)}


def _gru_shapes(hidden: int, width: int, options: Options) -> Shapes:
    second = {} if options["reset"] == "before" else {"bias_hh": (3 * hidden,)}
    return {**affine(3, hidden, width), **second}


def ugrnn(step: Step) -> State:
    """Return a state that g keeps."""
    a_g, a_c = step.gates()
    g = step.math.sigmoid(a_g)
    return {"h": step.watch("h", g * step.state["h"] + (1.0 - g) * step.math.tanh(a_c))}


def mgu(step: Step) -> State:
    """Return a state that f writes."""
    h, read = step.state["h"], step.read["h"]
    x_f, x_n = step.from_input()
    f = step.math.sigmoid(x_f + read @ step.block("weight_hh", 0).T)
    n = step.math.tanh(x_n + (f * read) @ step.block("weight_hh", 1).T)
    return {"h": step.watch("h", (1.0 - f) * h + f * n)}


def janet(step: Step) -> State:
    """Return a state whose input gate is the forget gate's complement, shifted by β."""
    sigmoid = step.math.sigmoid
    s, a_c = step.gates()
    written = (1.0 - sigmoid(s - step.options["beta"])) * step.math.tanh(a_c)
    return {"h": step.watch("h", sigmoid(s) * step.state["h"] + written)}


def min_gru(step: Step) -> State:
    """Return a state whose gate and candidate do not see the state."""
    x_z, x_n = step.from_input()
    z = step.math.sigmoid(x_z)
    return {"h": step.watch("h", (1.0 - z) * step.state["h"] + z * x_n)}


def _min_gru_shapes(hidden: int, width: int, _: Options) -> Shapes:
    return {"weight_ih": (2 * hidden, width), "bias_ih": (2 * hidden,)}


def antisymmetric(step: Step) -> State:
    """Return one Euler step of an antisymmetric flow; V stands in the place of M."""
    turned = step.read["h"] @ step.weights["weight_hh"].T
    *gate, x_h = step.from_input()
    change = step.options["epsilon"] * step.math.tanh(x_h + turned)
    if gate:
        change = change * step.math.sigmoid(gate[0] + turned)
    return {"h": step.watch("h", step.state["h"] + change)}


def antisymmetric_matrix(math: Arithmetic, M: Tensor, options: Options) -> Tensor:
    """Return V = M − Mᵀ − γI, which gate and candidate share."""
    return M - M.T - options["gamma"] * math.constant(np.eye(M.shape[0]))


def _antisymmetric_shapes(hidden: int, width: int, options: Options) -> Shapes:
    gates = 2 if options["gated"] else 1
    return {**affine(gates, hidden, width), "weight_hh": (hidden, hidden)}


def _with_cell(_: Options) -> tuple[str, ...]:
    return ("h", "c")


LSTM = Reference(shapes=gated(4), step=lstm, states=_with_cell, made=("h", "c"))
PEEPHOLE_LSTM = Reference(
    shapes=lambda hidden, width, _: {
        **affine(4, hidden, width),
        **dict.fromkeys(("p_i", "p_f", "p_o"), (hidden,)),
    },
    step=peephole_lstm,
    states=_with_cell,
    made=("h", "c"),
)
GRU = Reference(
    shapes=_gru_shapes,
    step=gru,
    defaults={"reset": "after"},
    variants=((), (("reset", "before"),)),
)
UGRNN = Reference(shapes=gated(2), step=ugrnn)
MGU = Reference(shapes=gated(2), step=mgu)
JANET = Reference(
    shapes=gated(2), step=janet, defaults={"beta": 1.0}, variants=((("beta", 0.5),), ())
)
MIN_GRU = Reference(shapes=_min_gru_shapes, step=min_gru)
ANTISYMMETRIC = Reference(
    shapes=_antisymmetric_shapes,
    step=antisymmetric,
    effective=antisymmetric_matrix,
    defaults={"gated": False, "epsilon": 0.01, "gamma": 0.01},
    variants=(
        (("epsilon", 0.5), ("gamma", 0.3)),
        (("gated", True), ("epsilon", 0.5), ("gamma", 0.3)),
        (("gated", True),),
        (),
    ),
)
