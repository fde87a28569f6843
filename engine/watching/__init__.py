"""What a hook saw of a training step elsewhere, swept back here.

    frame = engine.frame_of(config, engine.Taken(step=0, weights=…, inputs=…, …))

A fused layer hands out no gradient of its hidden states. From its weights, its inputs and the
gradients that reached its outputs and final states they follow exactly: one sweep makes them.
"""

from engine.watching.frames import frame_of
from engine.watching.taken import Taken

__all__ = ["Taken", "frame_of"]
