"""Small configurations of real runs."""

from collections.abc import Callable

import pytest

from engine.config import RunConfig

Configure = Callable[..., RunConfig]


@pytest.fixture
def configure() -> Configure:
    """Return a configuration of a run that takes a moment, with parts of it replaced."""

    def configured(
        task: dict[str, object] | None = None,
        model: dict[str, object] | None = None,
        training: dict[str, object] | None = None,
        recording: dict[str, object] | None = None,
    ) -> RunConfig:
        return RunConfig.from_dict(
            {
                "seed": 7,
                "task": {"kind": "adding", "length": 8, "validation": 0.01, **(task or {})},
                "model": {"cell": "elman", "hidden_size": 5, **(model or {})},
                "training": {"steps": 7, "batch_size": 4, **(training or {})},
                "recording": {"every": 3, "probe_size": 3, **(recording or {})},
            }
        )

    return configured
