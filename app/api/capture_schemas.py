"""What OpenAPI says of captures."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class CaptureFrameModel(BaseModel):
    """A frame that is recorded."""

    model_config = ConfigDict(title="CaptureFrame")

    run: str
    step: int
    verdict: dict[str, Any] | None = Field(description="The newest verdict on the run")


class CaptureEndModel(BaseModel):
    """How a training loop elsewhere has ended."""

    model_config = ConfigDict(title="CaptureEnd", extra="forbid")

    status: Literal["succeeded", "failed", "cancelled"] = "succeeded"
    error: str | None = Field(None, max_length=10_000, description="What went wrong")
