"""Initializers whose matrices have a form: orthogonal, identity, sparse."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from engine.initializers.base import Doubles, Gain, InitializerOptions, Shape
from engine.schema import Doc

# The IRNN's input weights: small beside the identity.
IDENTITY_INPUT_SCALE = 0.001

# Martens 2010 and Sutskever et al. 2013.
INCOMING = 15


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
class OrthogonalInitializer(InitializerOptions):
    """The orthogonal start."""

    title: ClassVar[str] = "Orthogonal"
    purpose: ClassVar[str] = (
        "A random rotation: the recurrent product neither shrinks nor grows a gradient; only the "
        "activation's slope does."
    )
    formula: ClassVar[str] = "W = gain Q, QᵀQ = I"
    source: ClassVar[str] = "Saxe, McClelland & Ganguli 2014"
    kind: Literal["orthogonal"] = "orthogonal"
    gain: Gain = 1.0

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
    formula: ClassVar[str] = "W_h = gain I; W_x ~ N(0, (0.001 gain)²); b = 0"
    source: ClassVar[str] = "Le, Jaitly & Hinton 2015"
    kind: Literal["identity"] = "identity"
    gain: Gain = 1.0

    def recurrent_block(self, rng: np.random.Generator, hidden: int) -> Doubles:
        """Return gain·I."""
        return self.gain * np.eye(hidden)

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw with standard deviation gain·0.001."""
        return rng.normal(0, self.gain * IDENTITY_INPUT_SCALE, shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class SparseInitializer(InitializerOptions):
    """The sparse start: few large weights into each unit.

    Source: Martens 2010, Deep learning via Hessian-free optimization; Sutskever, Martens, Dahl &
        Hinton 2013, On the importance of initialization and momentum in deep learning: 15 incoming
        weights, unit Gaussian, biases 0, and for recurrent networks a spectral radius of 1.1.
    """

    title: ClassVar[str] = "Sparse"
    purpose: ClassVar[str] = (
        "Each unit listens to a few random others, with normal weights: its input has the same "
        "size in any width. Usually with a spectral radius near 1 (echo states: 1.1)."
    )
    formula: ClassVar[str] = "k weights of each row ~ N(0, gain²), the others 0"
    source: ClassVar[str] = "Martens 2010; Sutskever, Martens, Dahl & Hinton 2013"
    kind: Literal["sparse"] = "sparse"
    gain: Gain = 1.0
    nonzeros: Annotated[
        int,
        Interval(ge=1, le=4096),
        Doc("Weights of each row that are not zero; a narrower row has them all."),
    ] = INCOMING

    def input_block(self, rng: np.random.Generator, shape: Shape) -> Doubles:
        """Draw k places of each row, and their weights with standard deviation gain."""
        rows, columns = shape
        k = min(self.nonzeros, columns)
        # The first k of a random order of the columns, row by row.
        places = np.argsort(rng.random(shape), axis=1)[:, :k]
        block = np.zeros(shape)
        weights = rng.normal(0, self.gain, (rows, k))
        np.put_along_axis(block, places, weights, axis=1)
        return block
