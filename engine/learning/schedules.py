"""How the learning rate changes while training.

    constant        η(s) = η                                                        (1)
    step            η(s) = η φ^⌊s/p⌋                                                (2)
    exponential     η(s) = η φˢ                                                     (3)
    cosine          η(s) = η (r + (1 − r) ½ (1 + cos(π s/N))), s ≤ N;  η r after    (4)
    warmup_cosine   η(s) = η (s + 1)/w for s < w; then (4) with s − w of N − w      (5)
    plateau         η ← max(φ η, floor) where the loss has stopped improving        (6)

s is the number of updates done, φ the factor, p the period, r the final share, N the horizon, w
the warm-up. (1) to (5) are functions of s alone. (6) looks at the training loss: the mean of each
`every` updates is one look; a look is good where it is under (1 − threshold) times the best one;
after more than `patience` looks that are not good, outside a cooldown, the rate is cut. What (6)
remembers is part of a training's state.
Source: (2), (3), (6) as torch.optim.lr_scheduler's StepLR, ExponentialLR and ReduceLROnPlateau,
    the last fed with means; (4) Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts;
    (5) with the warm-up of Goyal et al. 2017, arXiv:1706.02677.
"""

import math
from collections.abc import Mapping
from typing import cast

from engine.config import (
    ConstantSchedule,
    CosineSchedule,
    ExponentialSchedule,
    PlateauSchedule,
    StepSchedule,
    TrainingConfig,
    WarmupCosineSchedule,
)


class Plateau:
    """The learning rate of (6), with all that it remembers.

    Attributes:
        rate: The learning rate of the next update.
    """

    def __init__(self, options: PlateauSchedule, rate: float) -> None:
        """Start with the optimizer's rate and no look."""
        self._options = options
        self.rate = rate
        self._best = math.inf
        self._bad = self._cooling = self._counted = 0
        self._total = 0.0

    def observe(self, loss: float) -> None:
        """Note the training loss of an update that was made."""
        self._total += loss
        self._counted += 1
        if self._counted < self._options.every:
            return
        self._look(self._total / self._counted)
        self._total, self._counted = 0.0, 0

    def _look(self, mean: float) -> None:
        if mean < self._best * (1 - self._options.threshold):
            self._best, self._bad = mean, 0
        else:
            self._bad += 1
        if self._cooling:
            self._cooling -= 1
            self._bad = 0
        if self._bad > self._options.patience:
            # A floor above the start would raise the rate.
            self.rate = min(self.rate, max(self.rate * self._options.factor, self._options.floor))
            self._cooling, self._bad = self._options.cooldown, 0  # (6)

    def state(self) -> dict[str, object]:
        """Return what is remembered, as JSON knows it."""
        return {
            "rate": self.rate,
            "best": None if math.isinf(self._best) else self._best,
            "bad": self._bad,
            "cooling": self._cooling,
            "counted": self._counted,
            "total": self._total,
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Go to where `state()` was called."""
        saved = cast("Mapping[str, float | None]", state)
        best = saved["best"]
        self.rate = float(saved["rate"] or 0)
        self._best = math.inf if best is None else float(best)
        self._bad, self._cooling, self._counted = (
            int(saved[name] or 0) for name in ("bad", "cooling", "counted")
        )
        self._total = float(saved["total"] or 0)


def learning_rate(training: TrainingConfig, step: int) -> float:
    """Return the learning rate of the update that follows `step` updates, by (1) to (5).

    A plateau's is known only to whoever follows the loss: it is the optimizer's here.
    """
    base = training.optimizer.learning_rate
    # No training step, no horizon: what is asked for then is the start.
    steps = max(1, training.steps)
    match training.schedule:
        case ConstantSchedule() | PlateauSchedule():
            return base  # (1)
        case StepSchedule(period=period, factor=factor):
            return base * factor ** (step // period)  # (2)
        case ExponentialSchedule(factor=factor):
            return base * factor**step  # (3)
        case CosineSchedule(final_share=share, horizon=horizon):
            return base * _cosine(step, horizon or steps, share)
        case WarmupCosineSchedule(warmup=warmup, final_share=share, horizon=horizon):
            if step < warmup:
                return base * (step + 1) / warmup  # (5)
            return base * _cosine(step - warmup, max(1, (horizon or steps) - warmup), share)


def _cosine(step: int, whole: int, share: float) -> float:
    progress = min(step, whole) / whole
    return share + (1 - share) * 0.5 * (1 + math.cos(math.pi * progress))  # (4)


class Scheduler:
    """The schedule of a training: its rates, and where it looks at the loss its memory."""

    def __init__(self, training: TrainingConfig) -> None:
        """Start at step 0."""
        self._training = training
        schedule, base = training.schedule, training.optimizer.learning_rate
        self._plateau = Plateau(schedule, base) if isinstance(schedule, PlateauSchedule) else None

    def rate(self, step: int) -> float:
        """Return the learning rate of the update that follows `step` updates."""
        return self._plateau.rate if self._plateau else learning_rate(self._training, step)

    def observe(self, loss: float) -> None:
        """Note the training loss of an update that was made."""
        if self._plateau:
            self._plateau.observe(loss)

    def state(self) -> dict[str, object]:
        """Return what is remembered, as JSON knows it; nothing but for a plateau."""
        return self._plateau.state() if self._plateau else {}

    def restore(self, state: Mapping[str, object]) -> None:
        """Go to where `state()` was called."""
        if self._plateau:
            self._plateau.restore(state)
