"""Gradtide engine: exact back-propagation through time in NumPy, and what its gradients say."""
