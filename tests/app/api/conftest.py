"""An application with a store of its own, and one whose runs have been trained."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.main import create_app
from app.settings import Settings

BASE_URL = "http://127.0.0.1:8000"
SMALL: dict[str, Any] = {
    "name": "small",
    "seed": 3,
    "tags": ["test"],
    "task": {"kind": "adding", "length": 12},
    "model": {"cell": "elman", "hidden_size": 5, "layers": 2, "activation": "tanh"},
    "training": {
        "steps": 6,
        "batch_size": 4,
        "optimizer": {"kind": "sgd", "learning_rate": 0.05},
    },
    "recording": {
        "every": 2,
        "probe_size": 3,
        "statistics": [
            "hidden_gradient_norm",
            "hidden_gradient",
            "loss_state_gradient",
            "activation_slope_histogram",
            "saturation",
        ],
        "checkpoints": ["first", "last"],
    },
}


def changed(config: dict[str, Any], **parts: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with some keys of its parts changed."""
    return {**config, **{name: {**config[name], **part} for name, part in parts.items()}}


def settings_of(data: Path, **options: Any) -> Settings:  # noqa: ANN401  # fields of Settings
    """Return settings that take nothing from the environment's own installation."""
    return Settings(_env_file=None, data=data, **{"workers": 0, **options})  # type: ignore[call-arg]  # pydantic-settings' own keyword


@asynccontextmanager
async def serving(
    app: FastAPI,
    **options: Any,  # noqa: ANN401  # httpx's own
) -> AsyncIterator[httpx.AsyncClient]:
    """Start an application and talk to it."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, **{"base_url": BASE_URL, **options}
        ) as client:
            yield client


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty store, and nobody who works on what is queued."""
    return settings_of(tmp_path)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose runs stay queued."""
    async with serving(create_app(settings)) as client:
        yield client
