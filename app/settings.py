"""Settings of the service: GRADTIDE_* variables, a .env file, or options of the command line."""

import contextlib
import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

OLD_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of cgroups version 1
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def default_data_folder() -> Path:
    """Return the folder that data lives in where nobody names one (XDG base directories)."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "gradtide"


def default_workers() -> int:
    """Return one worker a processor, at most eight: more would only compete for memory."""
    return max(1, min(8, os.cpu_count() or 1))


def default_run_bytes() -> int:
    """Return half of the memory: of the machine, or of the container where that is less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in (Path("/sys/fs/cgroup/memory.max"), OLD_MEMORY_LIMIT):
        with contextlib.suppress(OSError, ValueError):  # not there, or "max"
            memory = min(memory, int(limit.read_text()))
    return memory // 2


class Settings(BaseSettings):
    """What an installation may choose; every field is GRADTIDE_<NAME> in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="GRADTIDE_", env_file=".env", extra="ignore", frozen=True
    )

    data: Path = Field(
        default_factory=default_data_folder,
        description="Folder of everything stored; made with mode 0700.",
    )
    database_url: str | None = Field(
        default=None, description="SQLAlchemy URL of the database; a SQLite file in data if empty."
    )
    arrays_url: str | None = Field(
        default=None,
        description="Object storage for all that is large, as s3://bucket/folder; folders in data"
        " if empty.",
    )
    host: str = Field(default="127.0.0.1", description="Address the service listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port; 0 takes a free one.")
    workers: int = Field(
        default_factory=default_workers,
        ge=0,
        le=256,
        description="Runs at once; others queue. Dask takes as many as its workers have threads.",
    )
    executor: Literal["local", "dask"] = Field(
        default="local",
        description="Where runs execute: local, a process each on this machine; or dask.",
    )
    dask_address: str | None = Field(
        default=None, description="Address of Dask's scheduler, as tcp://host:8786."
    )
    token: SecretStr | None = Field(
        default=None, description="Secret that every request must bring; none if empty."
    )
    make_token: bool = Field(
        default=False, description="Make a token at first start and keep it in the data folder."
    )
    insecure: bool = Field(
        default=False, description="Allow other addresses than loopback without a token."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Further host names the service answers to, by commas."
    )
    lease: float = Field(
        default=10.0, gt=0, description="Seconds without a sign of life until a worker is lost."
    )
    checkpoint_seconds: float = Field(
        default=30.0, gt=0, description="Seconds between two checkpoints to resume from."
    )
    max_attempts: int = Field(
        default=5, ge=1, description="Attempts without progress until a run counts as failed."
    )
    cancel_grace: float = Field(
        default=10.0, ge=0, description="Seconds until a worker that does not stop is killed."
    )
    max_queue: int = Field(default=10_000, ge=1, description="Queued runs at most.")
    max_body_bytes: int = Field(default=1_000_000, ge=1024, description="Bytes of a request body.")
    max_frame_bytes: int = Field(
        default=256_000_000, ge=1024, description="Bytes of a captured training step at most."
    )
    max_upload_bytes: int = Field(
        default=200_000_000, ge=1024, description="Bytes of an uploaded file, packed or unpacked."
    )
    body_timeout: float = Field(default=10.0, gt=0, description="Seconds for a request body.")
    max_slice_elements: int = Field(
        default=4_000_000, ge=1, description="Elements of one answered slice at most."
    )
    max_run_bytes: int = Field(
        default_factory=default_run_bytes, ge=1, description="Bytes of memory of one run at most."
    )
    max_run_stored_bytes: int = Field(
        default=20_000_000_000, ge=1, description="Bytes on disk of one run at most."
    )
    max_run_seconds: float = Field(
        default=604_800.0, gt=0, description="Seconds that one run may train in one go."
    )
    max_sweep_runs: int = Field(default=500, ge=1, description="Runs of one sweep at most.")
    max_streams: int = Field(default=100, ge=1, description="Open event streams at once.")

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("arrays_url", mode="after")
    @classmethod
    def _require_bucket(cls, value: str | None) -> str | None:
        if not value:
            return None
        scheme, _, place = value.partition("://")
        if scheme != "s3" or not place.strip("/"):
            raise ValueError("expected s3://bucket or s3://bucket/folder")
        return value.rstrip("/")

    @field_validator("token", mode="after")
    @classmethod
    def _drop_empty_token(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value and value.get_secret_value() else None

    @field_validator("data", mode="after")
    @classmethod
    def _expand_home(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def is_loopback(self) -> bool:
        """Whether the service can be reached from this machine only."""
        return self.host in LOOPBACK

    def require_safe_address(self) -> Self:
        """Refuse to listen to other machines without a token.

        Raises:
            ValueError: The address is not loopback, and neither token nor insecure is set.
        """
        if self.is_loopback or self.token or self.make_token or self.insecure:
            return self
        raise ValueError(
            f"refusing to listen on {self.host} without a token: anybody who reaches this address"
            " could run and delete; set GRADTIDE_TOKEN, or pass --insecure if that is meant"
        )

    def require_scheduler(self) -> Self:
        """Refuse Dask without the address of its scheduler.

        Raises:
            ValueError: There is none.
        """
        if self.executor != "dask" or self.dask_address:
            return self
        raise ValueError(
            "dask_address: expected the address of a Dask scheduler, as tcp://host:8786, for"
            " executor=dask, got none; give --dask-address or set GRADTIDE_DASK_ADDRESS"
        )
