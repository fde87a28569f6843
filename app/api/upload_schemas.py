"""What OpenAPI says of uploads."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

TABLE = "time,load\n0,3.5\n1,3.1\n2,\n3,4.2\n"
TEXT = "To be, or not to be: that is the question.\n"
_BINARY = {"type": "string", "format": "binary"}


class DatasetModel(BaseModel):
    """An uploaded data set."""

    model_config = ConfigDict(title="Dataset")

    id: str
    name: str
    kind: Literal["series", "text", "arrays"] = Field(description="The task that learns from it")
    bytes: int = Field(description="What it takes on disk")
    sha256: str
    created_at: datetime
    description: dict[str, Any] = Field(
        description="Of a series its rows and columns with what is missing, of a text its length "
        "and characters, of arrays their sizes; a preview of each"
    )


class DatasetPageModel(BaseModel):
    """A page of data sets."""

    model_config = ConfigDict(title="DatasetPage")

    items: list[DatasetModel]
    next_cursor: str | None


class ModelModel(BaseModel):
    """An uploaded model."""

    model_config = ConfigDict(title="Model")

    id: str
    name: str
    cell: str = Field(description="The cell that was recognised")
    bytes: int = Field(description="What it takes on disk")
    sha256: str
    created_at: datetime
    description: dict[str, Any] = Field(
        description="`model` as a configuration takes it, `inputs` D, `outputs` K (null without a "
        "read-out), `parameters` with their shapes, what was `left_out`"
    )


class ModelPageModel(BaseModel):
    """A page of models."""

    model_config = ConfigDict(title="ModelPage")

    items: list[ModelModel]
    next_cursor: str | None


def file_body(*media_types: str, **examples: str) -> dict[str, Any]:
    """Return the OpenAPI entry of a body that is a file, or a form with one.

    Args:
        media_types: What the file may be.
        examples: A file that can be shown, by the second part of its media type; the first one is
            the form's file too.
    """
    form = {
        "type": "object",
        "properties": {"file": _BINARY, "name": {"type": "string"}},
        "required": ["file"],
    }
    content: dict[str, Any] = {each: {"schema": _BINARY} for each in media_types}
    content["multipart/form-data"] = {"schema": form}
    for each in media_types:
        if (example := examples.get(each.partition("/")[2])) is not None:
            content[each]["example"] = example
            content["multipart/form-data"].setdefault("example", {"file": example, "name": "mine"})
    return {"requestBody": {"required": True, "content": content}}
