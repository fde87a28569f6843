"""The hook on a recurrent layer: it counts steps, and copies what is needed where one is due."""

import math
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, SupportsFloat, runtime_checkable

import numpy as np

from app.capture.counts import Counts
from app.capture.destinations import Destination
from app.capture.sender import Sender
from app.capture.spool import Spool

if TYPE_CHECKING:
    import torch

    from app.capture.torch_steps import Arrival, Seen


@runtime_checkable
class Layer(Protocol):
    """A recurrent layer, of whatever framework, that can be watched."""

    @property
    def inputs(self) -> int | None:
        """D; None where it is not known yet."""

    @property
    def precision(self) -> str:
        """Number type that frames are kept in."""

    def model(self) -> dict[str, Any]:
        """Return the `model` section of the configuration that the layer is."""

    def attach(self, after: Callable[..., None]) -> Callable[[], None]:
        """Call `after` with each training call; return what takes the hook away again."""

    def see(self, step: int, given: tuple[Any, ...], named: Mapping[str, Any]) -> "Seen":
        """Copy what a call was made with."""

    def arrivals(self, output: Any) -> "list[Arrival]":  # noqa: ANN401  # the framework's
        """Return the tensors whose gradients are wanted, and what each is the gradient of."""


class Watcher:
    """A watched layer.

    Attributes:
        counts: What has become of the steps that were due.
    """

    def __init__(
        self,
        layer: Layer,
        destination: Destination,
        config: dict[str, Any],
        spool: Spool,
        scaler: "torch.amp.GradScaler | None",
        patience: float,
        *,
        grows: bool,
    ) -> None:
        """Prepare; `watch` is what makes these. Nothing is hooked before the `with` statement."""
        self._layer, self._config, self._grows = layer, config, grows
        self._destination, self._spool = destination, spool
        self._scaler, self._patience = scaler, patience
        self._every = int(config["recording"]["every"])
        self._last = int(config["training"]["steps"]) - 1
        self._reduction = str(config["training"]["reduction"])
        self.counts = Counts()
        self._step = 0
        self._pending: Seen | None = None
        self._losses: dict[int, float | torch.Tensor] = {}
        self._told = 0
        self._detach: Callable[[], None] | None = None
        self._sender: Sender | None = None

    @property
    def run_id(self) -> str | None:
        """The run's id; None before the first step has arrived."""
        return None if self._sender is None else self._sender.run_id

    @property
    def trouble(self) -> str | None:
        """Why steps do not arrive at present; None where all is well."""
        return None if self._sender is None else self._sender.trouble

    def __enter__(self) -> Self:
        """Hook the layer."""
        self._sender = Sender(self._destination, self._spool, self.counts)
        self._detach = self._layer.attach(self._after_call)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Unhook, and send what is left; how the loop ended is the run's end."""
        if self._detach is not None:
            self._detach()
        self._settle()
        status, said = "succeeded", None
        if kind is not None:
            status = "failed" if issubclass(kind, Exception) else "cancelled"
            said = f"{kind.__name__}: {error}" if status == "failed" else None
        if self._sender is not None:
            self._sender.close(status, said, patience=self._patience)
            self._warn(self._sender)

    def loss(self, value: "SupportsFloat | torch.Tensor") -> None:
        """Tell the loss of the step whose forward call came last, for its curve and verdict.

        Args:
            value: A number of any kind, or a tensor of one.
        """
        if self._step:
            told: Any = value.detach() if hasattr(value, "detach") else float(value)
            if not isinstance(told, float) and told.device.type == "cpu":
                told = float(told)  # a device is not waited for here
            self._losses[self._step - 1] = told

    def _after_call(self, given: tuple[Any, ...], named: Mapping[str, Any], output: Any) -> None:  # noqa: ANN401
        """Count a training call, and look at it where one is due."""
        if self._pending is not None:
            self._settle()
        step, self._step = self._step, self._step + 1
        if step % self._every and step != self._last:
            return
        if self._pending is not None:
            self.counts.without_gradient += 1
        self._config["task"]["inputs"] = self._layer.inputs
        self._pending = seen = self._layer.see(step, given, named)
        for name, tensor, formed in self._layer.arrivals(output):
            if tensor.requires_grad:
                tensor.register_hook(self._arrival(seen, name, formed))

    def _arrival(
        self, seen: "Seen", name: str, formed: "Callable[[torch.Tensor], torch.Tensor] | None"
    ) -> Callable[["torch.Tensor | None"], None]:
        def arrived(gradient: "torch.Tensor | None") -> None:
            # A backward that does not pass here may say so with None.
            if self._pending is not seen or gradient is None:
                return
            if not seen.gradients and self._scaler is not None:
                seen.scale = float(self._scaler.get_scale())
            seen.add(name, gradient if formed is None else formed(gradient))

        return arrived

    def _settle(self) -> None:
        """Hand over the step that was looked at, once its gradients have come."""
        seen = self._pending
        if seen is None or not seen.gradients or self._sender is None:
            return
        self._pending = None
        task = self._config["task"]
        if self._grows:
            self._grows, task["length"] = False, seen.length
        if seen.length > task["length"]:
            if not self.counts.too_long:
                warnings.warn(
                    f"a sequence of {seen.length} steps is longer than the {task['length']} that "
                    "the run has room for: such steps are left out; pass length= to watch()",
                    stacklevel=2,
                )
            self.counts.too_long += 1
            return
        losses = self._losses_up_to(seen.step)
        if self._sender.put((self._config, _maker(seen, losses, self._reduction))):
            self.counts.taken += 1
            self._told = seen.step + 1
            self._losses = {s: value for s, value in self._losses.items() if s > seen.step}
        elif not self._sender.is_over:
            self.counts.dropped += 1

    def _losses_up_to(self, step: int) -> list["float | torch.Tensor"]:
        """Return the losses since the last step handed over; empty where nobody told any."""
        if not self._losses:
            return []
        return [self._losses.get(each, math.nan) for each in range(self._told, step + 1)]

    def _warn(self, sender: Sender) -> None:
        counts = self.counts
        lost = counts.dropped + counts.refused
        if lost or sender.is_over:
            warnings.warn(
                f"of {counts.taken + counts.dropped} steps looked at {lost} did not become frames: "
                f"{sender.trouble or 'the sending thread was busy'}",
                RuntimeWarning,
                stacklevel=3,
            )
        elif self._spool.has_begun and not self._spool.is_done:
            warnings.warn(
                f"{sender.trouble}; the run is kept in {self._spool.folder}, and "
                "`gradtide send` or app.capture.send_kept sends it",
                RuntimeWarning,
                stacklevel=3,
            )


def _maker(seen: "Seen", losses: list[Any], reduction: str) -> Callable[[], Any]:
    def make() -> Any:  # noqa: ANN401  # a Taken
        from app.capture.torch_steps import taken_of

        return taken_of(seen, np.array([float(each) for each in losses]), reduction)

    return make
