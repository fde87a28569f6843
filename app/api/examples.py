"""Bodies as they may be sent, for the description of the API."""

from typing import Any

# One body of each kind, as it may be sent.
EXAMPLES: dict[str, Any] = {
    "RunConfig": {
        "name": "copy, tanh",
        "seed": 0,
        "tags": ["demo"],
        "task": {"kind": "copy", "length": 40},
        "model": {"cell": "elman", "activation": "tanh", "hidden_size": 32},
        "training": {"steps": 200, "optimizer": {"kind": "adam", "learning_rate": 0.003}},
        "recording": {"every": 50},
    },
    "Extension": {"steps": 400},
    "SweepRequest": {
        "base": {"task": {"kind": "copy"}, "model": {"cell": "elman"}, "training": {"steps": 20}},
        "axes": {"model.activation": ["tanh", "relu"], "task.length": [22, 30]},
    },
    "TraceRequest": {
        "cell": "elman",
        "options": {"activation": "tanh"},
        "parameters": {
            "weight_ih_l0": [[0.5], [-0.3]],
            "weight_hh_l0": [[0.9, 0.1], [-0.2, 0.8]],
            "readout.weight": [[1.0, -1.0]],
            "readout.bias": [0.0],
        },
        "inputs": [[[1.0]], [[0.5]], [[-1.0]]],
        "targets": [[[0.0]], [[0.0]], [[1.0]]],
        "loss": "mean_squared_error",
    },
    "Description": {"name": "copy, tanh, seed 0", "tags": ["demo", "vanishing"], "notes": ""},
    "CaptureConfig": {
        "name": "my LSTM",
        "task": {"kind": "captured", "length": 64, "inputs": 1},
        "model": {"cell": "lstm", "hidden_size": 32, "layers": 1},
        "training": {"steps": 0, "batch_size": 32, "clipping": None},
        "recording": {"every": 50},
    },
    "CaptureEnd": {"status": "succeeded", "error": None},
}
