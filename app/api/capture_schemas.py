"""What OpenAPI says of captures."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.runs.captures import MAX_ERROR, Ending


class CaptureFrameModel(BaseModel):
    """A frame that is recorded."""

    model_config = ConfigDict(title="CaptureFrame")

    run: str
    step: int
    verdict: dict[str, Any] | None = Field(description="The newest verdict on the run")


class CaptureEndModel(BaseModel):
    """How a training loop elsewhere has ended."""

    model_config = ConfigDict(title="CaptureEnd", extra="forbid")

    status: Ending = "succeeded"
    error: str | None = Field(None, max_length=MAX_ERROR, description="What went wrong")
