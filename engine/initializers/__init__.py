"""How weights start.

An initializer fills W_h, each gate's block by itself; another one fills W_x. Biases follow the
first: `pytorch` draws them as PyTorch does, every other one sets them to zero. The read-out is
PyTorch's nn.Linear always: uniform ±1/√N of the N numbers it reads, 2H where a layer reads both
ways.

    pytorch      uniform on ±gain/√H, biases uniform on ±1/√H      torch.nn.RNN, LSTM, GRU
    uniform      uniform on ±limit                                 definition
    normal       normal, standard deviation given                  definition
    xavier       uniform on ±gain·√(6/(rows + columns))            Glorot & Bengio 2010
    he           normal, standard deviation gain·√(2/columns)      He et al. 2015
    orthogonal   gain·Q; W_x: rows or columns orthonormal          Saxe et al. 2014
    identity     W_h = gain·I, b = 0; W_x normal, gain·0.001       Le, Jaitly & Hinton 2015
    sparse       k entries of each row normal, gain·1, others 0    Martens 2010

What stands over them, for every gate's block of W_h: `spectral_radius`; and for the bias of the
gate that keeps the memory: `forget_bias`, a number or "chrono" (memory.py).
"""

from collections.abc import Mapping
from types import MappingProxyType

from engine.initializers.base import InitializerOptions
from engine.initializers.entries import (
    HeInitializer,
    NormalInitializer,
    PytorchInitializer,
    UniformInitializer,
    XavierInitializer,
)
from engine.initializers.matrices import (
    IdentityInitializer,
    OrthogonalInitializer,
    SparseInitializer,
)
from engine.initializers.memory import CHRONO, ForgetBias, KeepGate
from engine.initializers.start import (
    FollowingStart,
    OwnStart,
    Start,
    Startable,
    as_bias,
    as_recurrent,
)

INITIALIZERS: Mapping[str, type[InitializerOptions]] = MappingProxyType(
    {
        "pytorch": PytorchInitializer,
        "uniform": UniformInitializer,
        "normal": NormalInitializer,
        "xavier": XavierInitializer,
        "he": HeInitializer,
        "orthogonal": OrthogonalInitializer,
        "identity": IdentityInitializer,
        "sparse": SparseInitializer,
    }
)

__all__ = [
    "CHRONO",
    "INITIALIZERS",
    "FollowingStart",
    "ForgetBias",
    "HeInitializer",
    "IdentityInitializer",
    "InitializerOptions",
    "KeepGate",
    "NormalInitializer",
    "OrthogonalInitializer",
    "OwnStart",
    "PytorchInitializer",
    "SparseInitializer",
    "Start",
    "Startable",
    "UniformInitializer",
    "XavierInitializer",
    "as_bias",
    "as_recurrent",
]
