"""Where a kind of trouble begins: the numbers that verdicts are made with, and shown with."""

from collections.abc import Mapping
from types import MappingProxyType

VANISHING_SPAN = 1e-3
EXPLODING_SPAN = 1e3
SPIKE = 100.0
SPIKING_SHARE = 0.01
SATURATED_SHARE = 0.5
DEAD_SHARE = 2 / 3  # half is where a network that starts at the identity stands on inputs ≥ 0
CLIPPED_SHARE = 0.9
LEARNING_SHARE = 0.95

THRESHOLDS: Mapping[str, tuple[float, str]] = MappingProxyType(
    {
        "vanishing_span": (VANISHING_SPAN, "a span under this, with a reach short of the lag"),
        "exploding_span": (EXPLODING_SPAN, "a span over this"),
        "spike": (SPIKE, "times its running median that a gradient norm is a spike from"),
        "spiking_share": (SPIKING_SHARE, "share of spikes among the last half of the steps"),
        "saturated_share": (SATURATED_SHARE, "saturated share of a layer's units over time"),
        "dead_share": (DEAD_SHARE, "share of a layer's units that no sample switches on"),
        "clipped_share": (CLIPPED_SHARE, "share of clipped steps among the last half"),
        "learning_share": (LEARNING_SHARE, "share of the baseline that a learning loss is under"),
    }
)
