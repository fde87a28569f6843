"""An application with a store of its own, and one whose runs have been trained."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.main import create_app
from app.runs.controls import controlled
from app.runs.service import described
from app.runs.training import train_run
from app.settings import Settings
from app.store import open_store

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


# A learning rate of a thousand and no clipping: the loss is infinite after some steps.
DIVERGING = changed(
    SMALL,
    model={"activation": "relu"},
    training={"steps": 40, "optimizer": {"kind": "sgd", "learning_rate": 1e3}, "clipping": None},
)
CLASSIFYING = {**SMALL, "task": {"kind": "temporal_order", "length": 12}}


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A store on disk with trained runs in it."""

    data: Path
    succeeded: str
    diverged: str
    classified: str


def train_into(data: Path, config: dict[str, Any]) -> str:
    """Train a configuration into the store of a folder, by the same work as a worker's."""
    settings = settings_of(data)
    store = open_store(settings)
    complete, facts, layouts = described(config)
    run, _ = store.runs.create(complete, facts, layouts)
    claim = store.attempts.claim(run.id, "a test")
    assert claim is not None
    with controlled(store, claim) as control:
        train_run(store, claim, control, checkpoint_seconds=settings.checkpoint_seconds)
    store.close()
    return run.id


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A store with a run that succeeded, one that diverged, and one that classifies."""
    data = tmp_path_factory.mktemp("trained")
    succeeded, diverged, classified = (
        train_into(data, config) for config in (SMALL, DIVERGING, CLASSIFYING)
    )
    return Trained(data=data, succeeded=succeeded, diverged=diverged, classified=classified)


@pytest.fixture
async def reader(trained: Trained) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application over the trained runs."""
    async with serving(create_app(settings_of(trained.data))) as client:
        yield client
