"""How the learning rate changes while training: a function of the updates done.

    constant   η(s) = η                                                        (1)
    cosine     η(s) = η (r + (1 − r) ½ (1 + cos(π s/N))), s ≤ N;  η r after    (2)

r is the final share and N the horizon. Source of (2): Loshchilov & Hutter 2017, arXiv:1608.03983,
without restarts.
"""

import math

from engine.config import ConstantSchedule, CosineSchedule, TrainingConfig


def learning_rate(training: TrainingConfig, step: int) -> float:
    """Return the learning rate of the update that follows `step` updates."""
    base = training.optimizer.learning_rate
    match training.schedule:
        case ConstantSchedule():
            return base  # (1)
        case CosineSchedule(final_share=share, horizon=horizon):
            # No training step, no horizon: what is asked for then is the start.
            whole = horizon or max(1, training.steps)
            progress = min(step, whole) / whole
            return base * (share + (1 - share) * 0.5 * (1 + math.cos(math.pi * progress)))  # (2)
