"""How fast a training step is, beside PyTorch's fused layers: `python -m benchmarks`."""
