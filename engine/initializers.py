"""How weights start.

An initializer fills W_h, each gate's block by itself; another one fills W_x. Biases follow the
first: `pytorch` draws them as PyTorch does, every other one sets them to zero. The read-out is
PyTorch's nn.Linear always: uniform ±1/√H.

    pytorch      uniform on ±gain/√H, biases uniform on ±1/√H      torch.nn.RNN, LSTM, GRU
    xavier       uniform on ±gain·√(6/(rows + columns))            Glorot & Bengio 2010
    he           normal, standard deviation gain·√(2/columns)      He et al. 2015
    orthogonal   gain·Q; W_x: rows or columns orthonormal          Saxe et al. 2014
    identity     W_h = gain·I, b = 0; W_x normal, gain·0.001       Le, Jaitly & Hinton 2015
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from engine.schema import Described, Doc

# The IRNN's input weights: small beside the identity.
IDENTITY_INPUT_SCALE = 0.001

FORGET_GATE = "f"
Gain = Annotated[
    float, Interval(gt=0, le=100), Doc("Factor on the weights; 1 is the rule as published.")
]
Doubles = NDArray[np.float64]
Shape = tuple[int, int]


def orthogonal(rng: np.random.Generator, shape: Shape) -> Doubles:
    """Draw a matrix with orthonormal columns, or rows where these are fewer, uniformly (Haar)."""
    rows, columns = shape
    normal = rng.standard_normal((max(shape), min(shape)))
    q, r = np.linalg.qr(normal)
    # QR alone prefers some rotations; fixing R's signs makes the draw uniform.
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    return q if rows >= columns else np.ascontiguousarray(q.T)


def spectral_radius(matrix: Doubles) -> float:
    """Return the largest absolute eigenvalue."""
    return float(np.abs(np.linalg.eigvals(matrix)).max())


@dataclass(frozen=True, kw_only=True, slots=True)
class InitializerOptions(Described):
    """What every initializer can be told, and the blocks that it draws."""

    gain: Gain = 1.0

    def recurrent_block(self, rng: np.random.Generator, hidden: int) -> Doubles:
        """Draw one gate's block of W_h, (H, H)."""
        return self.input_block(rng, (hidden, hidden))

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw one gate's block of W_x, (H, columns)."""
        raise NotImplementedError

    def bias(self, rng: np.random.Generator, hidden: int) -> Doubles:
        """Draw one gate's block of b, (H,)."""
        return np.zeros(hidden)


@dataclass(frozen=True, kw_only=True, slots=True)
class PytorchInitializer(InitializerOptions):
    """PyTorch's rule."""

    title: ClassVar[str] = "PyTorch's default"
    purpose: ClassVar[str] = (
        "Uniform between ±1/√H, biases too: what torch.nn.RNN, LSTM and GRU start with."
    )
    kind: Literal["pytorch"] = "pytorch"

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw uniformly on ±gain/√H."""
        limit = self.gain / math.sqrt(shape[0])
        return rng.uniform(-limit, limit, shape)

    def bias(self, rng: np.random.Generator, hidden: int) -> Doubles:
        """Draw uniformly on ±1/√H."""
        return uniform_by_width(rng, (hidden,), hidden)


@dataclass(frozen=True, kw_only=True, slots=True)
class XavierInitializer(InitializerOptions):
    """Glorot's rule."""

    title: ClassVar[str] = "Xavier (Glorot)"
    purpose: ClassVar[str] = (
        "Uniform, scaled so that tanh units keep the size of signals and gradients: a spectral "
        "radius near 1."
    )
    kind: Literal["xavier"] = "xavier"

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw uniformly on ±gain·√(6/(rows + columns))."""
        limit = self.gain * math.sqrt(6 / sum(shape))
        return rng.uniform(-limit, limit, shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeInitializer(InitializerOptions):
    """He's rule."""

    title: ClassVar[str] = "He (Kaiming)"
    purpose: ClassVar[str] = (
        "Normal, scaled for ReLU units of which half are off: a spectral radius near √2."
    )
    kind: Literal["he"] = "he"

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw with standard deviation gain·√(2/columns)."""
        return rng.normal(0, self.gain * math.sqrt(2 / shape[1]), shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class OrthogonalInitializer(InitializerOptions):
    """The orthogonal start."""

    title: ClassVar[str] = "Orthogonal"
    purpose: ClassVar[str] = (
        "A random rotation: the recurrent product neither shrinks nor grows a gradient; only the "
        "activation's slope does."
    )
    kind: Literal["orthogonal"] = "orthogonal"

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw gain·Q."""
        return self.gain * orthogonal(rng, shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentityInitializer(InitializerOptions):
    """The identity start."""

    title: ClassVar[str] = "Identity (IRNN)"
    purpose: ClassVar[str] = (
        "Recurrent weights start as the identity, biases at zero: with ReLU units the state is "
        "kept until something is learned. As input initializer: normal with deviation 0.001."
    )
    kind: Literal["identity"] = "identity"

    def recurrent_block(self, rng: np.random.Generator, hidden: int) -> Doubles:
        """Return gain·I."""
        return self.gain * np.eye(hidden)

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw with standard deviation gain·0.001."""
        return rng.normal(0, self.gain * IDENTITY_INPUT_SCALE, shape)


Initializer = (
    PytorchInitializer
    | XavierInitializer
    | HeInitializer
    | OrthogonalInitializer
    | IdentityInitializer
)

INITIALIZERS: Mapping[str, type[InitializerOptions]] = MappingProxyType(
    {
        "pytorch": PytorchInitializer,
        "xavier": XavierInitializer,
        "he": HeInitializer,
        "orthogonal": OrthogonalInitializer,
        "identity": IdentityInitializer,
    }
)


def uniform_by_width(rng: np.random.Generator, shape: tuple[int, ...], width: int) -> Doubles:
    """Draw uniformly on ±1/√width, PyTorch's rule for biases and for nn.Linear."""
    limit = 1 / math.sqrt(width)
    return rng.uniform(-limit, limit, shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """How the weights of a network start.

    Attributes:
        recurrent: Initializer of W_h and of the biases.
        inputs: Initializer of W_x.
        spectral_radius: What each gate's block of W_h is rescaled to; None leaves it.
        forget_bias: What the forget gate's bias is set to; None leaves it.
    """

    recurrent: InitializerOptions
    inputs: InitializerOptions
    spectral_radius: float | None = None
    forget_bias: float | None = None

    def recurrent_block(self, rng: np.random.Generator, hidden: int) -> Doubles:
        """Draw one gate's block of W_h, rescaled where that is asked for."""
        matrix = self.recurrent.recurrent_block(rng, hidden)
        if self.spectral_radius is None:
            return matrix
        return matrix * (self.spectral_radius / spectral_radius(matrix))

    def bias(self, rng: np.random.Generator, hidden: int, gate: str) -> Doubles:
        """Draw one gate's block of b."""
        drawn = self.recurrent.bias(rng, hidden)
        if gate == FORGET_GATE and self.forget_bias is not None:
            drawn[:] = self.forget_bias
        return drawn

    def draw(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        gates: Sequence[str],
        hidden: int,
        rng: np.random.Generator,
    ) -> dict[str, Doubles]:
        """Draw every parameter of a network.

        Args:
            shapes: Shape of each parameter by its public name, in the order to draw.
            gates: The cell's gates in block order.
            hidden: H.
            rng: Where the numbers come from.

        Returns:
            Arrays by public name, float64.
        """
        return {
            name: self._parameter(name, shape, gates, hidden, rng) for name, shape in shapes.items()
        }

    def _parameter(
        self,
        name: str,
        shape: tuple[int, ...],
        gates: Sequence[str],
        hidden: int,
        rng: np.random.Generator,
    ) -> Doubles:
        if name.startswith("readout."):
            return uniform_by_width(rng, shape, hidden)
        if name.startswith("weight_ih"):
            columns = shape[1]
            return np.concatenate([self.inputs.input_block(rng, (hidden, columns)) for _ in gates])
        if name.startswith("weight_hh"):
            return np.concatenate([self.recurrent_block(rng, hidden) for _ in gates])
        if name.startswith("bias_ih"):
            return np.concatenate([self.bias(rng, hidden, gate) for gate in gates])
        # Of PyTorch's second bias only the candidate's part (GRU's b_hn) is a parameter.
        second = np.zeros(shape)
        second[-hidden:] = self.recurrent.bias(rng, hidden)
        return second
