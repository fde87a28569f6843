"""What the catalog says of the form's choices: their words, and which fields hang on which."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.pages.form import Condition

Catalog = Mapping[str, Any]

# The lists of the catalog that say what the names at a pointer mean.
_LISTS = {
    "/model/cell": "cells",
    "/model/activation": "activations",
    "/recording/statistics": "statistics",
}
_ABSENT = {
    "/model/activation": ("the cell's own", "What the cell fixes, else tanh."),
    "/model/input_initializer": (
        "automatic",
        "Small weights beside the identity initializer, PyTorch's default beside the others.",
    ),
    "/training/regularizer": ("none", "The loss alone."),
    "/training/clipping": ("none", "The gradient goes to the optimizer as it is."),
}
_FIXED = {
    "/training/reduction": {
        "mean": ("mean", "The mean over the asked steps and samples."),
        "sum": (
            "sum",
            "The sum over the asked steps and samples: a longer task has a larger loss.",
        ),
    },
    "/training/precision": {
        "float32": ("float32", "Seven digits: what training usually has."),
        "float64": ("float64", "Sixteen digits, at about half the speed."),
    },
    "/training/memory": {
        "automatic": ("automatic", "Recomputed where the whole would take over 1 GiB."),
        "whole": ("whole", "The states of every step are there on the way back."),
        "recomputed": (
            "recomputed",
            "Segment by segment on the way back: memory grows as √T, for a forward sweep more.",
        ),
    },
    "/recording/batch": {
        "probe": ("probe", "The same sequences at every frame, so that frames compare."),
        "training": ("training", "Each step's own batch: no extra sweep, but frames vary with it."),
    },
}


def choice_words(catalog: Catalog) -> dict[str, dict[str, tuple[str, str]]]:
    """Return title and sentence of each choice, by pointer and value."""
    words = {pointer: dict(choices) for pointer, choices in _FIXED.items()}
    for pointer, name in _LISTS.items():
        words[pointer] = {
            entry["name"]: (entry["title"], entry["what_it_does"]) for entry in catalog[name]
        }
    for pointer, absent in _ABSENT.items():
        words.setdefault(pointer, {})[""] = absent
    return words


def conditions(catalog: Catalog) -> dict[str, Condition]:
    """Return the fields that only some cells have."""

    def cells(which: Iterable[Mapping[str, Any]]) -> Condition:
        return Condition(pointer="/model/cell", values=tuple(cell["name"] for cell in which))

    every = catalog["cells"]
    return {
        "/model/activation": cells(cell for cell in every if cell["activation_choice"]),
        "/model/forget_bias": cells(cell for cell in every if cell["keep_gate"]),
    }


def always_recorded(catalog: Catalog) -> frozenset[str]:
    """Return the statistics that need no choice: every run has them."""
    return frozenset(entry["name"] for entry in catalog["statistics"] if entry["always"])
