"""Initializers whose entries are drawn one by one, independently."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from engine.initializers.base import Doubles, Gain, InitializerOptions, Shape, uniform_by_width
from engine.schema import Doc


@dataclass(frozen=True, kw_only=True, slots=True)
class PytorchInitializer(InitializerOptions):
    """PyTorch's rule."""

    title: ClassVar[str] = "PyTorch's default"
    purpose: ClassVar[str] = (
        "Uniform between ±1/√H, biases too: what torch.nn.RNN, LSTM and GRU start with."
    )
    formula: ClassVar[str] = "W ~ U(−gain/√H, gain/√H), b ~ U(−1/√H, 1/√H)"
    source: ClassVar[str] = "torch.nn.RNN, LSTM, GRU"
    kind: Literal["pytorch"] = "pytorch"
    gain: Gain = 1.0

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw uniformly on ±gain/√H."""
        limit = self.gain / math.sqrt(shape[0])
        return rng.uniform(-limit, limit, shape)

    def bias(self, rng: np.random.Generator, hidden: int) -> Doubles:
        """Draw uniformly on ±1/√H."""
        return uniform_by_width(rng, (hidden,), hidden)


@dataclass(frozen=True, kw_only=True, slots=True)
class UniformInitializer(InitializerOptions):
    """Uniform entries of a given size."""

    title: ClassVar[str] = "Uniform"
    purpose: ClassVar[str] = (
        "Uniform between ± the limit, whatever the width: the spectral radius is near limit·√(H/3)."
    )
    formula: ClassVar[str] = "W ~ U(−limit, limit)"
    source: ClassVar[str] = "definition"
    kind: Literal["uniform"] = "uniform"
    limit: Annotated[float, Interval(gt=0, le=100), Doc("Largest absolute value of a weight.")] = (
        0.1
    )

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw uniformly on ±limit."""
        return rng.uniform(-self.limit, self.limit, shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class NormalInitializer(InitializerOptions):
    """Normal entries of a given size."""

    title: ClassVar[str] = "Normal"
    purpose: ClassVar[str] = (
        "Normal with a given standard deviation, whatever the width: the spectral radius is near "
        "deviation·√H."
    )
    formula: ClassVar[str] = "W ~ N(0, deviation²)"
    source: ClassVar[str] = "definition"
    kind: Literal["normal"] = "normal"
    deviation: Annotated[
        float, Interval(gt=0, le=100), Doc("Standard deviation of the weights.")
    ] = 0.1

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw with the standard deviation."""
        return rng.normal(0, self.deviation, shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class XavierInitializer(InitializerOptions):
    """Glorot's rule."""

    title: ClassVar[str] = "Xavier (Glorot)"
    purpose: ClassVar[str] = (
        "Uniform, scaled so that tanh units keep the size of signals and gradients: a spectral "
        "radius near 1."
    )
    formula: ClassVar[str] = "W ~ U(−r, r), r = gain √(6 / (rows + columns))"
    source: ClassVar[str] = "Glorot & Bengio 2010"
    kind: Literal["xavier"] = "xavier"
    gain: Gain = 1.0

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
    formula: ClassVar[str] = "W ~ N(0, 2 gain² / columns)"
    source: ClassVar[str] = "He, Zhang, Ren & Sun 2015"
    kind: Literal["he"] = "he"
    gain: Gain = 1.0

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw with standard deviation gain·√(2/columns)."""
        return rng.normal(0, self.gain * math.sqrt(2 / shape[1]), shape)
