"""What there is to choose from, as JSON knows it: for form, service and command line."""

from collections.abc import Iterable, Mapping
from typing import get_args

import numpy as np

from engine.activations import ACTIVATIONS, Activation
from engine.cells import CELLS, CellDefinition, CellVariant
from engine.config import (
    CaptureConfig,
    Clipping,
    LeakyRelu,
    Optimizer,
    RunConfig,
    Schedule,
    VanishingRegularizer,
    config_of,
    config_schema,
)
from engine.initializers import INITIALIZERS
from engine.parameter_names import READOUT_BIAS, READOUT_WEIGHT
from engine.schema import Described, kind_of, object_node
from engine.statistics import STATISTICS, StatisticDefinition
from engine.tasks import TASKS, Data, Task, known, make_task

Entry = dict[str, object]

# Where an activation's curve is drawn: every tenth from −6 to 6, zero and its kink included.
CURVE = np.linspace(-6, 6, 121).round(1)


def describe_task(config: RunConfig | Mapping[str, object], data: Data | None = None) -> Entry:
    """Return what can be said of a configuration's task before anything runs.

    Args:
        config: A configuration, or the mapping that one is read from.
        data: What the task reads, where it reads uploaded data.

    Returns:
        `name`, `length` T, `inputs` D, `outputs` K, `loss`, `asked` (how many of the T steps are
        asked), `first_asked`, `last_asked` τ, `needed_lag` (None: unknown), and `baseline`,
        `least` and `solved_below` in the units of the run's loss: with the reduction "sum" they
        count M-fold, M = asked · B.
        `undefined` lists the statistics that have no value in such a run: accuracies of a task of
        values, saturation of an activation without flat parts.
    """
    run = config if isinstance(config, RunConfig) else config_of(config)
    task = make_task(run.task, run.seed, run.training.precision, data)
    asked = len(task.asked_times)
    summed = run.training.reduction == "sum"
    facts = _facts(task, asked * run.training.batch_size if summed else 1)
    if isinstance(run, CaptureConfig):  # of the loss nothing is known but its gradients
        facts |= {"loss": None, "asked": None, "least": None}
    return {**facts, "undefined": _undefined(run, task)}


def _undefined(run: RunConfig, task: Task) -> list[str]:
    names: list[str] = []
    if task.loss == "mean_squared_error":
        names += ["accuracy", "validation_accuracy"]
    if run.model.make_cell().activation.saturation is None:
        names.append("saturation")
    return names


def _facts(task: Task, counted: int) -> Entry:
    return {
        "name": task.name,
        "length": task.length,
        "inputs": task.inputs,
        "outputs": task.outputs,
        "loss": task.loss,
        "asked": len(task.asked_times),
        "first_asked": task.asked_times[0],
        "last_asked": task.last_asked,
        "needed_lag": task.needed_lag,
        "baseline": known(task.baseline * counted),
        "least": task.least * counted,
        "solved_below": known(task.solved_below * counted),
    }


def catalog() -> dict[str, object]:
    """Return every task, cell, activation, initializer, optimizer, schedule, clipping, statistic.

    Every entry has `name`, `title` and `what_it_does`; what has options has their JSON schema
    under `options`. `config` is the schema of a whole run.
    """
    return {
        "tasks": [_task(name) for name in TASKS],
        "cells": [_cell(definition) for definition in CELLS.values()],
        "activations": [_activation(activation) for activation in ACTIVATIONS.values()],
        "initializers": _kinds(INITIALIZERS.values()),
        "optimizers": _kinds(get_args(Optimizer)),
        "schedules": _kinds(get_args(Schedule)),
        "clippings": _kinds(get_args(Clipping)),
        "regularizers": _kinds([VanishingRegularizer]),
        "statistics": [_statistic(definition) for definition in STATISTICS.values()],
        "config": config_schema(),
    }


def _kinds(classes: Iterable[type[Described]]) -> list[Entry]:
    return [
        {
            "name": kind_of(described),
            "title": described.title,
            "what_it_does": described.purpose,
            "formula": described.formula,
            "source": described.source,
            "options": object_node(described).schema(),
        }
        for described in classes
    ]


def _task(name: str) -> Entry:
    """Return a task's entry; what uploaded data decide is not known before they are there."""
    definition = TASKS[name]
    entry = _kinds([definition.options])[0]
    if definition.make is None:
        return {**entry, "facts": None}
    facts = _facts(make_task(definition.options(), seed=0), 1)
    return {**entry, "facts": {key: facts[key] for key in facts if key != "name"}}


def _parts(of: CellDefinition | CellVariant) -> Entry:
    """Return gates and parameters.

    Layers above the first are l1, l2, …, with H in D's place. One that reads the sequence backwards
    has the same names with `_reverse` behind them; what reads both directions has 2H in H's place.
    """
    shapes = {f"{name}_l0": shape for name, shape in of.parameters.items()}
    shapes |= {READOUT_WEIGHT: "K × H", READOUT_BIAS: "K"}
    return {
        "gates": list(of.gates),
        "parameters": [{"name": name, "shape": shape} for name, shape in shapes.items()],
        "symbols": {"G": len(of.gates)},
    }


def _cell(definition: CellDefinition) -> Entry:
    return {
        "name": definition.name,
        "title": definition.title,
        "what_it_does": definition.summary,
        "equations": list(definition.equations),
        "source": definition.source,
        **_parts(definition),
        # What is otherwise where options are these.
        "variants": [
            {"options": dict(variant.options), **_parts(variant)} for variant in definition.variants
        ],
        "keep_gate": definition.keep_gate.gate if definition.keep_gate else None,
        "activation_choice": definition.activation_choice,
        "default_activation": definition.default_activation,
        "options": object_node(definition.options).schema(),
    }


def _activation(activation: Activation) -> Entry:
    smallest, largest = activation.slope_range
    entry: Entry = {
        "name": activation.name,
        "title": activation.title,
        "what_it_does": f"φ(a) = {activation.formula}; its slope is at most γ = "
        f"{activation.gamma:g}, and a gradient is multiplied by it at every step back.",
        "gamma": activation.gamma,
        "slope_range": [smallest, largest],
        "formula": activation.formula,
        "slope_formula": activation.slope_formula,
        "curve": {
            "a": CURVE.tolist(),
            "value": activation.value(CURVE).tolist(),
            "slope": activation.slope(CURVE).tolist(),
        },
    }
    if activation.name == kind_of(LeakyRelu):
        entry["options"] = object_node(LeakyRelu).schema()
    return entry


def _statistic(definition: StatisticDefinition) -> Entry:
    return {
        "name": definition.name,
        "title": definition.title,
        "what_it_does": definition.meaning,
        "axes": list(definition.axes),
        "scale": definition.scale,
        "meaning": definition.meaning,
        "how_to_read": definition.how_to_read,
        "per_step": definition.per_step,
        "always": definition.always,
    }
