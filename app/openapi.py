"""The OpenAPI document: what FastAPI makes of the routes, and the engine's schema of a run."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

import engine
from app.api.capture_schemas import CaptureEndModel
from app.api.schemas import DescriptionModel, ExtensionModel, ProblemModel, TraceRequestModel
from app.api.sweep_schemas import SweepRequestModel

DESCRIPTION: Final = """\
See how gradients flow through recurrent networks, and why one does not learn.

Numbers that JSON lacks are the strings "NaN", "Infinity" and "-Infinity"; null means not recorded
or not defined. Errors are `application/problem+json`. Where a token is set it travels as
`Authorization: Bearer …`.
"""
_REF: Final = "#/components/schemas/"


def openapi_of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Return the function that FastAPI asks for its document; it is made once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    return document


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for model in (
        ProblemModel,
        ExtensionModel,
        DescriptionModel,
        TraceRequestModel,
        SweepRequestModel,
        CaptureEndModel,
    ):
        schema = model.model_json_schema(ref_template=_REF + "{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[schema["title"]] = schema
    schemas.update(run_schema())
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "Where a token is set"}
    }
    document["security"] = [{}, {"token": []}]
    return document


def run_schema() -> dict[str, Any]:
    """Return the engine's schema of a run as OpenAPI components, its definitions beside it."""
    schemas: dict[str, Any] = {}
    for name, made in (
        ("RunConfig", engine.config_schema()),
        ("CaptureConfig", engine.capture_schema()),
    ):
        schema = _relocated(made)
        schemas |= schema.pop("$defs", {})
        schema.pop("$schema", None)
        schemas[name] = schema
    return schemas


def _relocated(value: Any) -> Any:  # noqa: ANN401  # a JSON value
    if isinstance(value, dict):
        return {
            key: item.replace("#/$defs/", _REF)
            if key == "$ref" and isinstance(item, str)
            else _relocated(item)
            for key, item in value.items()
        }
    return [_relocated(item) for item in value] if isinstance(value, list) else value
