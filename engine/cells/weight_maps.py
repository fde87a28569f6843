"""Recurrent weights that are functions of a stored parameter, with their exact gradients.

With A the strictly lower triangle of the stored (H, H) parameter, S = A − Aᵀ, G = ∂L/∂W:

    exponential   W = exp(S)                                       (1)
    Cayley        W = (I − S)⁻¹ (I + S)                            (2)
    antisymmetric W = M − Mᵀ − γ I, M the whole parameter          (3)

S is real and skew, so iS = V Λ Vᴴ is Hermitian with real Λ, and μ = −iΛ are the eigenvalues of S:

    W = V exp(μ) Vᴴ                                                (4)
    ∂L/∂S = V (Φ̄ ⊙ (Vᴴ G V)) Vᴴ, Φ_jk = (exp μ_j − exp μ_k)/(μ_j − μ_k)
          and Φ_jk = exp((μ_j + μ_k)/2) sin(x)/x at x = (Λ_j − Λ_k)/2  (5)
    Cayley: ∂L/∂S = (I − S)⁻ᵀ G (I + W)ᵀ                           (6)
    ∂L/∂A = strictly lower triangle of ∂L/∂S − (∂L/∂S)ᵀ            (7)
    ∂L/∂M = G − Gᵀ                                                 (8)

(1) and (2) are computed in float64 whatever the training's precision: W is orthogonal to rounding
after any number of updates, since what is updated is A.
Source: (1), (7) Lezcano-Casado & Martínez-Rubio 2019, arXiv:1901.08428; (5) Daleckii & Krein, in
    Higham 2008, Functions of Matrices, theorem 3.11; (2) Helfrich, Willmott & Ye 2018,
    arXiv:1707.09520, who write (I + S)⁻¹(I − S), which is (2) at −S, times a diagonal of ±1 that
    is left out here; (3) Chang, Chen, Haber & Chi 2019, arXiv:1902.09689.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from engine.arrays import Array


class Mapped(NamedTuple):
    """Effective weights, and the way back to what is stored.

    Attributes:
        weights: W, (H, H), float64.
        pull_back: Turns ∂L/∂W into the gradient of the stored parameter, (H, H).
    """

    weights: Array
    pull_back: Callable[[Array], Array]


class WeightMap(Protocol):
    """Says what W is of the stored parameter."""

    def __call__(self, stored: Array) -> Mapped:
        """Return W of a stored parameter, (H, H), float64."""


def _skew(stored: Array) -> Array:
    lower: Array = np.tril(stored, -1)
    return lower - lower.T


def _to_lower(gradient: Array) -> Array:
    """Return the stored parameter's gradient from ∂L/∂S."""
    lower: Array = np.tril(gradient - gradient.T, -1)  # (7)
    return lower


def _unknown(stored: Array) -> Mapped:
    """Return what is left where a training has diverged: no number."""
    nowhere = np.full_like(stored, np.nan)
    return Mapped(nowhere, lambda gradient: np.full_like(gradient, np.nan))


def exponential(stored: Array) -> Mapped:
    """Return W = exp(S)."""
    if not np.isfinite(stored).all():
        return _unknown(stored)
    angles, vectors = np.linalg.eigh(1j * _skew(stored))
    adjoint = vectors.conj().T
    weights = ((vectors * np.exp(-1j * angles)) @ adjoint).real  # (4)

    def pull_back(gradient: Array) -> Array:
        half = angles / 2
        turned = np.exp(1j * (half[:, None] + half))
        # NumPy's sinc(y) is sin(πy)/(πy).
        slopes = turned * np.sinc((half[:, None] - half) / np.pi)
        inside = slopes * (adjoint @ gradient @ vectors)
        return _to_lower((vectors @ inside @ adjoint).real)  # (5)

    return Mapped(weights, pull_back)


def cayley(stored: Array) -> Mapped:
    """Return W = (I − S)⁻¹ (I + S)."""
    if not np.isfinite(stored).all():
        return _unknown(stored)
    skew, one = _skew(stored), np.eye(len(stored))
    weights: Array = np.linalg.solve(one - skew, one + skew)  # (2)

    def pull_back(gradient: Array) -> Array:
        return _to_lower(np.linalg.solve((one - skew).T, gradient @ (one + weights).T))  # (6)

    return Mapped(weights, pull_back)


def antisymmetric(gamma: float) -> WeightMap:
    """Return the map to M − Mᵀ − γ I."""

    def of(stored: Array) -> Mapped:
        weights = stored - stored.T - gamma * np.eye(len(stored))  # (3)
        return Mapped(weights, lambda gradient: gradient - gradient.T)  # (8)

    return of
