"""The weights of one layer of every member of an ensemble.

Each member's lie in its own row of the flat vectors, as those of a network by itself do; here they
are seen with the members last, (rows, K, S), and the copies that the sweeps multiply with are made
for all at once. Elementwise parameters are repeated for each of a member's samples.

An idle member has no part in the ensemble any more: the sweeps multiply with a working member's
weights in its place, so that its own can lead to no number that would slow the others down.
"""

from collections.abc import Sequence
from copy import copy

import numpy as np

from engine import compiled
from engine.arrays import Array
from engine.bptt.blocks import BlockViews
from engine.bptt.mapped_weights import MappedWeights
from engine.bptt.multiply import members_last
from engine.bptt.weights import LayerWeights


class EnsembleLayer(LayerWeights):
    """One layer of S members with B samples each.

    Attributes:
        is_compiled: Whether compiled loops sweep it: those multiply members of one sample each.
    """

    def __init__(self, like: LayerWeights, samples: int) -> None:
        """Take the layout of one member's layer; `bind` gives it memory.

        Args:
            like: That layer.
            samples: B.
        """
        vars(self).update(vars(like))
        self.products = [copy(product) for product in like.products]
        self._samples = samples
        self.is_compiled = samples == 1 and compiled.twin_of(like.cell) is not None
        self.idle: Sequence[int] = ()
        self.working = 0

    def bind(self, flat: Array, gradient: Array) -> None:
        """Take this layer's columns of the flat vectors of all members, (S, ·)."""
        weights, gradients = self.matrices(flat), self.matrices(gradient)
        self._maps: list[MappedWeights] = []
        if self.cell.weight_map is not None:
            stored = weights, gradients
            weights, gradients = ([np.zeros_like(matrix) for matrix in each] for each in stored)
            for member in range(len(flat)):
                own = MappedWeights(self.cell.weight_map, self._recurrent)
                own.bind(*([m[..., member] for m in e] for e in (*stored, weights, gradients)))
                self._maps.append(own)
        self.weights = weights
        self._stored_vectors, self.vector_gradient = weights[-1], gradients[-1]
        width = len(flat) * self._samples
        self.vectors = np.zeros((self.vector_rows.total, width), flat.dtype)
        self.derived = np.zeros((self.derived_rows.total, width), flat.dtype)
        self.vector_parts = (self.vector_rows, self.vectors), (self.derived_rows, self.derived)
        for product, W, share in zip(self.products, weights, gradients, strict=False):
            product.bind(W, share, members_within=self.is_compiled)
        self._copies = [
            made for p in self.products for made in (p.fast, p.back_states, p.back_x) if made.size
        ]

    def matrices(self, stretch: Array) -> list[Array]:
        """Return the matrices that lie in this layer's columns of flat vectors, (S, ·)."""
        found, start = [], 0
        for rows, columns in self._shapes:
            stop = start + rows * columns
            each = stretch[:, start:stop].reshape(len(stretch), rows, columns)
            found.append(members_last(each))
            start = stop
        return found

    def prepare(self) -> None:
        """Renew what is derived from the parameters."""
        for member, own in enumerate(self._maps):
            if member not in self.idle:
                own.prepare()
        for product in self.products:
            product.prepare()
        rows, _, members = self._stored_vectors.shape
        vectors = self.vectors.reshape(rows, members, self._samples)
        vectors[...] = self._stored_vectors.swapaxes(1, 2)
        for member in self.idle:
            for made in self._copies:
                made[..., member] = made[..., self.working]
            vectors[:, member] = vectors[:, self.working]
        if self.cell.derive is not None:
            with np.errstate(over="ignore", invalid="ignore", under="ignore"):
                self.cell.derive(BlockViews(*self.vector_parts))

    def finish_gradient(self) -> None:
        """Turn what a sweep has left into the gradients of the parameters."""
        for product in self.products:
            product.close(product.gradient)
        for member, own in enumerate(self._maps):
            if member not in self.idle:
                own.pull_back()
