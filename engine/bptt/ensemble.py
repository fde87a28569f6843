"""Forward and backward through S networks of one layout at once.

What a network by itself does for B samples is done for S·B, member beside member along the last
axis: a NumPy call then costs its overhead once for all of them. Only where weights come in is there
a product for each member (multiply.py, ensemble_layer.py, ensemble_readout.py).

No member changes a bit of another. Elementwise work, products and sums are each member's own; the
exponents that a sweep takes for all samples at once are powers of two, which change no bit of
what they scale.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NoReturn

import numpy as np

from engine.arrays import Array
from engine.bptt.ensemble_gradients import EnsembleGradients
from engine.bptt.ensemble_layer import EnsembleLayer
from engine.bptt.ensemble_readout import EnsembleReadout, MemberLosses
from engine.bptt.hidden_norms import HiddenNorms
from engine.bptt.multiply import matrix_room, members_last
from engine.bptt.network import Network
from engine.bptt.sources import source_of_loss
from engine.bptt.sweep import Sweep
from engine.errors import EngineError
from engine.tasks.base import Batch


class EnsembleNetwork(Network):
    """The networks of S members, seen as one.

    Attributes:
        flat: Every parameter of every member, (S, P); row s is member s's `flat`.
        gradient: dL/dflat of each member's own L, (S, P).
        samples: B.
    """

    def __init__(
        self, members: Sequence[Network], flat: Array, gradient: Array, samples: int
    ) -> None:
        """Look at the networks of all members.

        Args:
            members: All of one layout.
            flat: Their parameters, (S, P).
            gradient: Their gradients, (S, P).
            samples: B of each member.
        """
        vars(self).update(vars(members[0]))  # all but the memory is as in any of them
        self.flat, self.gradient, self.samples = flat, gradient, samples
        self._of_members = [EnsembleLayer(layer, samples) for layer in members[0].layers]
        self.layers = [*self._of_members]
        for layer, (start, stop) in zip(self.layers, pairwise(self._edges), strict=False):
            layer.bind(flat[:, start:stop], gradient[:, start:stop])
        self._stored = self._readouts(flat)
        shape = self._stored.shape[:2]
        self.readout = matrix_room(shape, self._stored, members_within=samples == 1)
        self.readout_gradient = self._readouts(gradient)
        self.idle: list[int] = []
        self.prepare()

    def _readouts(self, vectors: Array) -> Array:
        shape = len(vectors), self.outputs, -1
        return members_last(vectors[:, self._edges[-2] :].reshape(shape))

    def prepare(self) -> None:
        """Renew what is derived from `flat`."""
        super().prepare()
        np.copyto(self.readout, self._stored)
        for member in self.idle:
            self.readout[..., member] = self.readout[..., self.working]

    @property
    def working(self) -> int:
        """The first member that is not idle."""
        return next(s for s in range(len(self.flat)) if s not in self.idle)

    def let_idle(self, members: Sequence[int]) -> None:
        """Let members take no part from now on; at least one has to work."""
        self.idle = list(members)
        for layer in self._of_members:
            layer.idle, layer.working = self.idle, self.working
        self.prepare()


class EnsembleSweep(Sweep):
    """Sweeps of S members with B samples each.

    Attributes:
        losses: Of each member, of the last forward sweep.
    """

    gradients_of = EnsembleGradients

    def __init__(self, network: EnsembleNetwork, *, length: int, window: int | None = None) -> None:
        """Allocate and bind.

        Args:
            network: Of all members.
            length: T.
            window: Steps after which the way back is cut; None for the whole sequence.
        """
        batch = len(network.flat) * network.samples
        super().__init__(network, length=length, batch=batch, window=window)
        self.readouts = EnsembleReadout(network, network.samples)

    def forward_members(self, batch: Batch, loss: str, reduction: str = "mean") -> MemberLosses:
        """Run the recurrences from zero states and return the losses.

        Args:
            batch: The samples of all members, member beside member.
            loss: One of the task's losses.
            reduction: "mean" or "sum".
        """
        self.unroll(batch.inputs)
        states = self.top_outputs
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            self.losses = self.readouts.of_members(states, batch, loss, reduction)
        return self.losses

    def backward(self) -> None:
        """Fill the gradients of all members; leaves the norms of every adjoint."""
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            direct, weight, ordinary = self.readouts.backward()
            asked = self.readouts.asked_rows(self.length)
            self.top_source = source_of_loss(direct, ordinary, asked, weight=weight)
            self.back_from(self.top_source)
            self.network.finish_gradient(self.losses.scale)

    def stack(self, count: int) -> NoReturn:
        """Refuse: a stack places loss times side by side where members lie here."""
        raise EngineError(
            f"a stack of {count} loss times was asked of an ensemble, whose members it would mix: "
            "expected the sweep of one member's network"
        )

    @property
    def log10_hidden_norms(self) -> Array:
        """log10 ‖dℓ/dh_t‖ of every layer, time and sample, (layers, T, S·B)."""
        layers, backwards = self.backward_layers, self.network.backwards
        norms = HiddenNorms(layers, backwards, 0, self._norm_loops).each
        return norms + np.log10(self.losses.sample_scale)
