"""Public names of the parameters that belong to no layer: PyTorch's, of a module `readout`."""

READOUT = READOUT_WEIGHT, READOUT_BIAS = "readout.weight", "readout.bias"
"""W_y (K, H), or (K, 2H) where it reads both directions, and b_y (K,)."""
