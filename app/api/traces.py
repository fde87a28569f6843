"""Single sweeps with weights that come along: `engine.trace` over REST."""

import math
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter
from numpy.typing import NDArray
from starlette.responses import Response

import engine
from app.api.arrays import array_of
from app.api.bodies import object_of
from app.api.dependencies import JsonBody, SettingsOf, json_response
from app.api.schemas import TraceModel, body_of, problems
from app.http_errors import HttpProblem
from engine import ConfigError, Problem, Trace

router = APIRouter(tags=["traces"])

LARGEST_SWEEP: Final = 100_000
_INPUTS: Final = "inputs"  # which cannot be left out, and so not be null either
_ARRAYS: Final = (_INPUTS, "targets", "mask", "output_gradients")
_STATES: Final = ("initial_state", "final_state_gradients")
_PLAIN: Final = ("loss", "reduction", "options", "truncation")
_OURS: Final = ("statistics", "path_terms")
_KEYS: Final = ("cell", "parameters", *_ARRAYS, *_STATES, *_PLAIN, *_OURS)


@router.post(
    "/traces",
    responses={200: {"model": TraceModel}, **problems(413, 415)},
    openapi_extra=body_of("TraceRequest"),
)
def create_trace(body: JsonBody, settings: SettingsOf) -> Response:
    """Sweep a network once, forward and back, with the weights given; nothing is stored."""
    asked = object_of(body, _KEYS, required=("cell", "parameters", "inputs"))
    names = {key: _names(asked, key) for key in _OURS}
    arguments = _arguments(asked)
    try:
        found = engine.trace(asked["cell"], **arguments)
    except ConfigError as error:
        # The engine's pointers are those of a run, where options are the model's.
        faults = [Problem(p.pointer.removeprefix("/model"), p.detail) for p in error.problems]
        raise ConfigError(faults) from error
    wanted = asked.get("path_terms")
    parameters = list(found.parameter_gradients) if wanted is None else names["path_terms"]
    _require_room(found, parameters, arguments["inputs"].shape[0], settings.max_slice_elements)
    return json_response(_record(found, parameters, names["statistics"]))


def _arguments(asked: Mapping[str, Any]) -> dict[str, Any]:
    parameters = asked["parameters"]
    if not isinstance(parameters, dict):
        raise ConfigError([Problem("/parameters", "expected an object of arrays by name")])
    arguments: dict[str, Any] = {
        "parameters": {
            name: array_of(value, f"/parameters/{name}") for name, value in parameters.items()
        }
    }
    for key in _ARRAYS:
        if key == _INPUTS or asked.get(key) is not None:
            arguments[key] = array_of(asked[key], f"/{key}")
    for key in _STATES:
        if asked.get(key) is not None:
            arguments[key] = _state(asked[key], f"/{key}")
    arguments |= {key: asked[key] for key in _PLAIN if asked.get(key) is not None}
    _check(asked, arguments)
    return arguments


def _check(asked: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    if not isinstance(asked["cell"], str):
        raise ConfigError([Problem("/cell", "expected the name of a cell")])
    if asked.get("options") is not None and not isinstance(asked["options"], dict):
        raise ConfigError([Problem("/options", "expected an object")])
    window = asked.get("truncation")
    if window is not None and (isinstance(window, bool) or not isinstance(window, int)):
        raise ConfigError([Problem("/truncation", "expected a number of steps, or null")])
    for key, known in (("reduction", ("mean", "sum")), ("loss", _LOSSES)):
        if asked.get(key) is not None and asked[key] not in known:
            raise ConfigError([Problem(f"/{key}", f"expected one of {', '.join(known)}")])
    _require_size(arguments["inputs"].shape, arguments["parameters"])


_REVERSE: Final = "_reverse"
_LOSSES: Final = ("cross_entropy", "mean_squared_error")


def _require_size(shape: tuple[int, ...], parameters: Mapping[str, NDArray[Any]]) -> None:
    """Refuse a sweep of too many states before it is made; wrong shapes are the engine's affair.

    Raises:
        HttpProblem: 422, with both numbers.
    """
    # H is the width of a recurrent matrix, and the length of what a cell has in its place.
    widths = [
        p.shape[-1]
        for n, p in parameters.items()
        if n.endswith("_l0") and "_ih_" not in n and p.ndim
    ]
    layers = 1 + max((_layer_of(name) for name in parameters), default=0)
    layers *= 2 if any(name.endswith(_REVERSE) for name in parameters) else 1
    size = layers * math.prod(shape[:2]) * max(widths, default=1)
    if size > LARGEST_SWEEP:
        raise HttpProblem(
            422,
            f"layers × times × samples × hidden size is {size}; at most {LARGEST_SWEEP} are swept",
        )


def _layer_of(name: str) -> int:
    _, mark, layer = name.removesuffix(_REVERSE).rpartition("_l")
    return int(layer[:4]) if mark and layer.isdecimal() else 0


def _state(value: object, pointer: str) -> Any:  # noqa: ANN401  # one array, or a tuple of them
    if isinstance(value, dict):
        states = object_of(value, ("h", "c"), required=("h", "c"))
        return tuple(array_of(states[name], f"{pointer}/{name}") for name in ("h", "c"))
    return array_of(value, pointer)


def _names(asked: Mapping[str, Any], key: str) -> list[str]:
    names = asked.get(key) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError([Problem(f"/{key}", "expected a list of names")])
    return names


def _require_room(found: Trace, parameters: list[str], length: int, most: int) -> None:
    gradients = found.parameter_gradients
    terms = sum(gradients[name].size for name in parameters if name in gradients)
    size = length * (found.hidden.size + length * terms)
    if size > most:
        raise HttpProblem(
            413,
            f"the answer would hold {size} numbers, {most} are answered at once; name fewer"
            " parameters in path_terms",
        )


def _record(found: Trace, parameters: list[str], statistics: list[str]) -> dict[str, Any]:
    return {
        "loss": found.loss,
        "outputs": found.outputs,
        "hidden": found.hidden,
        "parameter_gradients": found.parameter_gradients,
        "hidden_gradient": found.hidden_gradient.array(),
        "hidden_gradient_log10_norm": found.hidden_gradient.log10_norm(),
        "immediate_gradient": found.immediate_gradient.array(),
        "immediate_gradient_log10_norm": found.immediate_gradient.log10_norm(),
        "input_gradients": found.input_gradients,
        "initial_state_gradient": _states_record(found.initial_state_gradient),
        "loss_state_gradients": _undefined_as_null(
            found.loss_state_gradients(), found.state_defined
        ),
        "path_terms": {name: found.path_terms(name) for name in parameters},
        "statistics": {name: found.statistic(name) for name in statistics},
    }


def _states_record(state: Any) -> Any:  # noqa: ANN401  # one array, or a tuple of them
    return dict(zip(("h", "c"), state, strict=False)) if isinstance(state, tuple) else state


def _undefined_as_null(values: NDArray[Any], defined: NDArray[Any]) -> list[Any]:
    """Return ∂L_t/∂h_k with null where it is not defined, mostly for k > t."""
    return [
        [
            [row if is_there else None for row, is_there in zip(rows, kept, strict=True)]
            for rows, kept in zip(layer, of, strict=True)
        ]
        for layer, of in zip(values, defined, strict=True)
    ]
