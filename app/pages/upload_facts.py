"""What is known of an upload, in words."""

from typing import Any, NamedTuple

from app.store import Upload


class Fact(NamedTuple):
    """A line of what was found."""

    label: str
    value: str


def summary_of(upload: Upload) -> str:
    """Return an upload in a few words."""
    told = upload.description
    match upload.kind if upload.resource == "dataset" else "model":
        case "series":
            return f"{_count(told['rows'], 'row')}, {_count(len(told['columns']), 'column')}"
        case "text":
            return f"{_count(told['length'], 'character')}, {told['characters']} different"
        case "arrays":
            return f"{_count(told['sequences'], 'sequence')} of {_count(told['steps'], 'step')}"
        case _:
            model = told["model"]
            layers, units = _count(model["layers"], "layer"), _count(model["hidden_size"], "unit")
            return f"{layers} of {units}{', both directions' if model['bidirectional'] else ''}"


def _count(number: int, what: str) -> str:
    """Say how many there are.

    >>> _count(1, "column"), _count(2, "column")
    ('1 column', '2 columns')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def facts_of(upload: Upload) -> tuple[Fact, ...]:
    """Return what was recognised, line by line."""
    told = upload.description
    if upload.resource == "model":
        return tuple(_of_model(upload.kind, told))
    match upload.kind:
        case "series":
            found = [Fact("Rows", str(told["rows"]))]
            for column in told["columns"]:
                low, high = f"{column['low']:.4g}", f"{column['high']:.4g}"
                missing = column["missing"]
                words = f", {missing} missing" if missing else ", none missing"
                found.append(Fact(column["name"], f"{low} … {high}{words}"))
            return tuple(found)
        case "text":
            return (
                Fact("Characters", str(told["length"])),
                Fact("Different ones", str(told["characters"])),
            )
        case _:
            return tuple(_of_arrays(told))


def _of_arrays(told: dict[str, Any]) -> list[Fact]:
    asked = f"{told['asked']} of {told['steps']} steps"
    what = "a class" if told["asks_for"] == "classes" else "values"
    return [
        Fact("Sequences", str(told["sequences"])),
        Fact("Steps", str(told["steps"])),
        Fact("Inputs a step", str(told["inputs"])),
        Fact("Asked for", f"{what} of {told['outputs']}" if what == "a class" else what),
        Fact("Asked at", asked),
    ]


def _of_model(cell: str, told: dict[str, Any]) -> list[Fact]:
    model = told["model"]
    readout = f"{told['outputs']} outputs" if told["outputs"] else "none: one is drawn"
    found = [
        Fact("Recognised", f"{cell} of {'PyTorch' if told['source'] == 'pytorch' else 'Keras'}"),
        Fact("Layers", f"{model['layers']} of {model['hidden_size']} units"),
        Fact("Directions", "both" if model["bidirectional"] else "forwards"),
        Fact("Inputs a step", str(told["inputs"])),
        Fact("Read-out", readout),
        Fact("Bias", "yes" if model["bias"] else "no"),
        Fact("Numbers", told["precision"]),
    ]
    if told["prefix"]:
        found.append(Fact("Found at", told["prefix"]))
    if model["activation"]:
        found.append(Fact("Activation", f"{model['activation']}, as said: weights do not tell"))
    return found
