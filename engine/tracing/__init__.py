"""One sweep with weights and arrays of the caller's own, in float64, without training.

    trace = engine.trace("lstm", parameters, inputs, targets=targets)
    trace.parameter_gradients["weight_hh_l0"]      what autograd leaves in .grad
    trace.hidden_gradient.log10_norm()             log10 ‖∂L/∂h_t‖, never underflowing

Parameters have PyTorch's names and layout. The attributes belong to the scalar loss L (or to the
scalar whose gradients were put in), so they equal autograd's; `statistic` is per sample.
"""

from engine.tracing.call import trace
from engine.tracing.chain import Chain, Factor
from engine.tracing.result import Trace

__all__ = ["Chain", "Factor", "Trace", "trace"]
