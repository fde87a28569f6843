"""Forward and backward through a whole network, for training.

Feature-first and time-major inside, [T, rows, B]; public arrays are [S, T, B, …]. The sweep works
on Σ m e and scales once at the end, so its adjoints are those of ℓ up to `Loss.sample_scale`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine import compiled
from engine.arrays import Array
from engine.bptt.backward import LayerBackward
from engine.bptt.blocks import aligned_zeros
from engine.bptt.gains import Gains, LayerGains
from engine.bptt.hidden_norms import HiddenNorms
from engine.bptt.immediate import immediate_log10_norms
from engine.bptt.network import Network
from engine.bptt.readout import Loss, Readout
from engine.bptt.side_by_side import SideBySide
from engine.bptt.sources import DenseSource, Source, joined, side_of, source_of_loss
from engine.bptt.stack import BLOCK, Stack
from engine.bptt.swept import SweptLayer
from engine.bptt.tape import LayerTape, Number
from engine.bptt.two_way_stack import TwoWayStack
from engine.bptt.unroll import unroll
from engine.bptt.weight_gradients import GradientsOf, WeightGradients
from engine.tasks.base import Batch


class Sweep:
    """Buffers and bound programs for one network at fixed T and B.

    A layer that reads the sequence backwards has its rows in the order in which it reads. What
    goes up and comes down between layers is in the order of time.

    Attributes:
        loss: The last forward sweep's.
        top_outputs: What is read out, rows 0 … T in the order of time, (T+1, N·H, B).
        gradients_of: What adds up the gradients of a layer's weights.
    """

    gradients_of: GradientsOf = WeightGradients

    def __init__(
        self, network: Network, *, length: int, batch: int, window: int | None = None
    ) -> None:
        """Allocate and bind.

        Args:
            network: Its weights may change between sweeps (`network.prepare()`).
            length: T.
            batch: B.
            window: Steps after which the way back is cut; None for the whole sequence.
        """
        self.network, self.length, self.batch = network, length, batch
        self._make_layers(window)
        self.readout = Readout(network)
        self._norm_loops = compiled.norm_loops()
        shape = (length + 1, network.width, batch)
        layers = range(0, len(network.layers), network.directions)
        self._levels = [network.level(s) for s in layers]
        self._handed_up = [
            aligned_zeros(shape, network.dtype)
            if network.skips[level.start] or network.directions > 1
            else None
            for level in self._levels
        ]
        self._between: dict[int, DenseSource] = {}
        self._gains: list[LayerGains] = []
        self._rooms: dict[str, Array] = {}
        self._stacks: dict[int, Stack | TwoWayStack] = {}

    def _make_layers(self, window: int | None) -> None:
        size = self.length, self.batch, self.network.dtype
        self._tapes = [LayerTape(layer, *size, window) for layer in self.network.layers]
        self._back: list[LayerBackward] = []

    @property
    def tapes(self) -> Sequence[LayerTape]:
        """The layers' tapes, which hold every step."""
        return self._tapes

    def unroll(self, inputs: Array, initial: Mapping[str, Array] | None = None) -> None:
        """Run the recurrences.

        Args:
            inputs: (T, B, D).
            initial: State name (`cell.state_names`) -> (S, B, H); what is missing starts at zero.
        """
        self.network.renew()
        xs = np.asarray(inputs, self.network.dtype).transpose(0, 2, 1)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for number, level in enumerate(self._levels):
                for index in level:
                    states = {name: value[index].T for name, value in (initial or {}).items()}
                    self._unroll_layer(index, xs, states)
                self.top_outputs = self._hand_up(number, xs)
                xs = self.top_outputs[1:]

    def _unroll_layer(self, index: int, xs: Array, states: Mapping[str, Array]) -> None:
        tape = self._tapes[index]
        unroll(tape, tape.in_time(xs), states)

    def _hand_up(self, number: int, xs: Array) -> Array:
        """Return what layers side by side hand up, rows 0 … T: their outputs, and the skip."""
        level, found = self._levels[number], self._handed_up[number]
        if found is None:
            return self._outputs(level.start)
        for index in level:
            outputs = self._in_time(index, self._outputs(index)[1:])
            found[1:, self.network.side(index)] = outputs
        if self.network.skips[level.start]:
            found[1:] += xs
        return found

    def _outputs(self, index: int) -> Array:
        """Return the outputs of a layer by state row, (T+1, H, B)."""
        return self._tapes[index].outputs

    def _in_time(self, index: int, rows: NDArray[Number]) -> NDArray[Number]:
        """Return rows of a layer's steps in the order of time, or the other way round."""
        return rows[::-1] if self.network.layers[index].reverse else rows

    def forward(self, batch: Batch, loss: str, reduction: str = "mean") -> Loss:
        """Run the recurrences from zero states and return the loss."""
        self.unroll(batch.inputs)
        return self.forward_loss(batch, loss, reduction)

    def forward_loss(self, batch: Batch, loss: str, reduction: str = "mean") -> Loss:
        """Return the loss of what was unrolled."""
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            self.loss = self.readout.forward(self.top_outputs, batch, loss, reduction)
        return self.loss

    @property
    def backward_layers(self) -> Sequence[LayerBackward]:
        """The backward sweeps of the layers; made when first asked for."""
        if not self._back:
            self._back = [LayerBackward(tape, self.gradients_of) for tape in self.tapes]
        return self._back

    @property
    def _swept(self) -> Sequence[SweptLayer]:
        """What sweeps the layers back."""
        return self.backward_layers

    def _handed_down(self, index: int) -> DenseSource:
        """Return room for ∂/∂x of a layer; made when first asked for."""
        if index not in self._between:
            width = self.network.layers[index].inputs
            self._between[index] = DenseSource(self.length, width, self.batch, self.network.dtype)
        return self._between[index]

    def backward(self) -> None:
        """Fill `network.gradient` with dL/dflat; leaves the norms of every adjoint."""
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            self.back_from(self._of_loss())
            self.network.finish_gradient(self.loss.scale)

    def back_with_finals(self, final: Mapping[str, Array]) -> Source:
        """Sweep back as `backward` does, with gradients of the final states and to the inputs.

        Args:
            final: State name -> ∂L/∂ of the state at row T, (S, B, H).

        Returns:
            What arrived at the top layer from the loss.
        """
        scale = self.loss.scale
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            source = self._of_loss()
            # The sweep works on Σ m e, which is 1/scale times as large as L.
            parts = {name: value.transpose(0, 2, 1) / scale for name, value in final.items()}
            self.back_from(source, final=parts, to_inputs=True)
            self.network.finish_gradient(scale)
        return source

    def _of_loss(self) -> Source:
        """Return what arrives at the top from the loss, and fill the read-out's gradient."""
        direct, weight, ordinary = self.readout.backward()
        asked = self.readout.asked_rows(self.length)
        self.top_source = source_of_loss(direct, ordinary, asked, weight=weight)
        return self.top_source

    def back_from(
        self,
        source: Source,
        *,
        final: Mapping[str, Array] | None = None,
        to_inputs: bool = False,
    ) -> None:
        """Sweep every layer back from what arrives at the top.

        Args:
            source: Arriving at the top layer's outputs, of both directions side by side.
            final: State name -> (S, H, B), injected at the state of row T.
            to_inputs: Keep ∂/∂x of the lowest layer too, in `input_source`.
        """
        layers, network = self._swept, self.network
        for level in reversed(self._levels):
            below = self._handed_down(level.start) if level.start or to_inputs else None
            for index in level:
                handed = None if below is None else self._handed_down(index)
                if handed is not None:
                    handed.clear()
                injected = {name: value[index] for name, value in (final or {}).items()}
                own = self._of_side(source, index)
                layers[index].run(self._with_earlier(own, injected), handed, injected)
            if below is not None:
                for index in level[1:]:
                    below.add_backwards(self._handed_down(index))
                if network.skips[level.start]:
                    below.add(source)
                self.input_source = below
                source = below.as_source()

    def _of_side(self, source: Source, index: int) -> Source:
        """Return what of a level's source arrives at one of its layers."""
        if self.network.directions == 1:
            return source
        return side_of(source, self.network.side(index), self.network.layers[index].reverse)

    def _with_earlier(self, source: Source, final: Mapping[str, Array]) -> Source:
        """Return a source that also brings the gradients of earlier outputs, h_1 … of row T."""
        steps = {int(n.removeprefix("h_")): v for n, v in final.items() if n.startswith("h_")}
        earlier = {self.length - j: v for j, v in steps.items() if j < self.length}
        if not earlier:
            return source
        return joined(source, earlier, self.network.hidden, self.network.dtype)

    def keep_carried(self, wanted: bool = True) -> None:
        """Let the next backward sweeps keep what is carried from step to step."""
        for layer in self.backward_layers:
            layer.carried_rows.wanted = wanted

    def count_saturated(self, wanted: bool = True) -> None:
        """Let the next forward sweeps count the saturated units on their way."""
        for tape in self.tapes:
            tape.saturated.wanted = wanted and tape.cell.activation.saturation is not None

    def add_gradients(self, wanted: bool = True) -> None:
        """Let the next backward sweeps add up the gradients of the weights, or leave them out."""
        for layer in self.backward_layers:
            layer.gradients.wanted = wanted

    # What a sweep leaves

    def in_time(self, rows: Iterable[NDArray[Number]]) -> NDArray[Number]:
        """Return arrays of every layer's steps, (T, …) each, in the order of time, (S, T, …)."""
        return np.array([self._in_time(index, each) for index, each in enumerate(rows)])

    def gains(self) -> list[Gains]:
        """Return the factors of each step back, a layer each; the last sweep kept what it needs."""
        self._gains = self._gains or [LayerGains(layer) for layer in self.backward_layers]
        return [layer.take() for layer in self._gains]

    @property
    def keeps_carried(self) -> bool:
        """Whether the last backward sweep kept what is carried from step to step."""
        return all(layer.carried_rows.kept for layer in self.backward_layers)

    def room(self, name: str, parts: int = 1) -> Array:
        """Return memory for blocks of all layers and steps, (S, T, parts·H, B), once a name."""
        if name not in self._rooms:
            shape = (len(self.tapes), self.length, parts * self.network.hidden, self.batch)
            self._rooms[name] = aligned_zeros(shape, self.network.dtype)
        return self._rooms[name]

    def stack(self, count: int) -> Stack | TwoWayStack:
        """Return a stack for `count` loss times over this sweep's tapes; bound once a size."""
        size = min(count, BLOCK * SideBySide.of(count, self.batch).side)
        if size not in self._stacks:
            two_way = self.network.directions > 1
            self._stacks[size] = (
                TwoWayStack(self.tapes, self.network, size)
                if two_way
                else Stack(self.tapes, self.network.skips, size)
            )
        return self._stacks[size]

    def hidden_norms(self) -> HiddenNorms:
        """Return log10 ‖dℓ/dh_t‖ of every layer, time and sample, and of the means."""
        shift = math.log10(self.loss.sample_scale)
        return HiddenNorms(self._swept, self.network.backwards, shift, self._norm_loops)

    @property
    def log10_hidden_norms(self) -> Array:
        """log10 ‖dℓ/dh_t‖ of every layer, time and sample, (S, T, B); −inf is an exact zero."""
        return self.hidden_norms().each

    @property
    def log10_immediate_norms(self) -> Array:
        """log10 of the norm of the immediate dℓ_t/dh_t, (S, T, B); −inf is an exact zero."""
        scale = math.log10(self.loss.sample_scale)
        return immediate_log10_norms(self.tapes, self.top_source, self.network) + scale
