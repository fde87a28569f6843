"""The kinds of trouble, each judged by itself: a finding, nothing, or why it cannot be told."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from engine.arrays import Array
from engine.diagnosis.finding import Case, Evidence, Finding, Kind
from engine.diagnosis.span import measure_span
from engine.diagnosis.thresholds import (
    CLIPPED_SHARE,
    DEAD_SHARE,
    EXPLODING_SPAN,
    LEARNING_SHARE,
    SATURATED_SHARE,
    SPIKE,
    SPIKING_SHARE,
    VANISHING_SPAN,
)
from engine.diagnosis.words import power_of_ten

Judgement = Finding | str | None
"""A finding; why the kind cannot be told; None where it does not hold."""

SYMPTOMS: frozenset[Kind] = frozenset({"saturated", "dead_units", "clipped_always"})
"""Kinds that are no trouble in a run that solves its task."""

NO_SPAN = "nothing arrives at the last asked state itself, so the span is not defined"
NO_COURSE = "the course of the training is not known here"
NOT_RECORDED = "what it is judged by is not at hand here"
NO_STEP = "no training step was made"


def diverged(case: Case) -> Judgement:
    """Judge whether the loss is no longer finite."""
    if case.course is None:
        return NO_COURSE
    lost = case.course.first_lost_step()
    if lost is None:
        return None
    return Finding(
        kind="diverged",
        sentence=f"At training step {lost} the loss was no longer finite.",
        evidence=(Evidence(statistic="loss", step=lost, value=np.nan, text="loss not finite"),),
    )


def exploding(case: Case) -> Judgement:
    """Judge whether the gradient grows along time, or jumps from step to step."""
    if case.span is not None and case.span.log10_span > np.log10(EXPLODING_SPAN):
        size = power_of_ten(case.span.log10_span)
        sentence = f"Going back in time the gradient grows to {size} times what it starts from."
        return Finding(kind="exploding", sentence=sentence, evidence=_spans(case))
    if case.course is None or not case.course.steps:
        return NO_SPAN if case.span is None else None
    share = case.course.spiking_share()
    if share > SPIKING_SHARE:
        sentence = (
            f"In {100 * share:.2g} % of the last half of the steps the gradient was over "
            f"{SPIKE:.0f} times as large as in the steps before."
        )
        found = Evidence(statistic="gradient_norm", value=share, text=f"{share:.2%} spikes")
        return Finding(kind="exploding", sentence=sentence, evidence=(found,))
    return NO_SPAN if case.span is None else None


def vanishing(case: Case) -> Judgement:
    """Judge whether too little arrives for as long a lag as the task needs."""
    if case.span is None:
        return NO_SPAN
    if case.span.log10_span >= np.log10(VANISHING_SPAN):
        return None
    needed = case.task.needed_lag
    if needed is not None and case.span.reach >= needed:
        return None
    size = power_of_ten(case.span.log10_span)
    lag = (
        f"the task needs {needed}."
        if needed is not None
        else "how many the task needs is not known, so the span alone decides."
    )
    first = case.task.first_heard
    place = "At the first time step" if first == 1 else f"Where truncation cuts, at t = {first},"
    heard = "1 step" if case.span.reach == 1 else f"{case.span.reach} steps"
    sentence = (
        f"{place} {size} of the last loss's gradient is left; 1 % of it comes "
        f"{heard} back, and {lag}"
    )
    reach = Evidence(
        statistic="last_loss_gradient",
        step=case.frame.step,
        layer=_name(case, case.config.model.top_entry),
        time=case.task.last_asked - case.span.reach,
        value=float(case.span.reach),
        text=f"reach {case.span.reach}",
    )
    return Finding(kind="vanishing", sentence=sentence, evidence=(*_spans(case), reach))


def _spans(case: Case) -> tuple[Evidence, ...]:
    """Return the span of every layer in which it is defined, the top layer's first.

    Where a layer reads backwards its span is that of the first loss, and ends at the last time.
    """
    task, model = case.task, case.config.model
    rows, axis = case.frame.arrays["last_loss_gradient"], model.layer_axis
    found, top = [], len(axis) + model.top_entry
    for index in [top, *(i for i in reversed(range(len(axis))) if i != top)]:
        ahead = slice(task.first_heard - 1, task.last_asked)
        backwards = str(axis[index]).endswith("r")
        row = rows[index, task.first_asked - 1 :][::-1] if backwards else rows[index, ahead]
        span, of = measure_span(row), "" if index == top else f" of layer {axis[index]}"
        if span is None:
            continue
        found.append(
            Evidence(
                statistic="last_loss_gradient",
                step=case.frame.step,
                layer=axis[index],
                time=rows.shape[1] if backwards else task.first_heard,
                value=span.log10_span,
                text=f"span {power_of_ten(span.log10_span)}{of}",
            )
        )
    return tuple(found)


def truncated(case: Case) -> Judgement:
    """Judge whether the window of truncation is shorter than the lag."""
    window, needed = case.config.training.truncation, case.task.needed_lag
    if window is None:
        return None
    if needed is None:
        return "how many steps back the task needs is not known"
    if window >= needed:
        return None
    sentence = (
        f"The adjoint is cut every {window} time steps: no gradient can say anything over the "
        f"{needed} that the task needs."
    )
    text = f"window {window}, needed {needed}"
    found = Evidence(statistic="last_loss_gradient", value=float(window), text=text)
    return Finding(kind="truncated", sentence=sentence, evidence=(found,))


def saturated(case: Case) -> Judgement:
    """Judge whether a layer's units are saturated over most of the time."""
    if case.config.model.make_cell().activation.saturation == "zero":
        return None  # half of a ReLU layer is off at any time, and that is well
    if "saturation" not in case.frame.arrays:
        return NOT_RECORDED
    shares = _shares(case, "saturation")
    if shares is None:
        return "the activation has no flat part to saturate at"
    layer = int(np.argmax(shares))
    if not shares[layer] > SATURATED_SHARE:
        return None
    sentence = (
        f"{100 * shares[layer]:.0f} % of the units of layer {_name(case, layer)} are saturated, on "
        "the average over time: hardly any gradient passes them."
    )
    return Finding(kind="saturated", sentence=sentence, evidence=(_of(case, "saturation", shares),))


def dead_units(case: Case) -> Judgement:
    """Judge whether most of a ReLU layer is off at every time for every sample."""
    if "dead_units" not in case.frame.arrays:
        return NOT_RECORDED
    shares = _shares(case, "dead_units")
    if shares is None:
        return None  # defined for ReLU alone
    layer = int(np.argmax(shares))
    if not shares[layer] > DEAD_SHARE:
        return None
    sentence = (
        f"{100 * shares[layer]:.0f} % of the units of layer {_name(case, layer)} are off at every "
        "time step of every probe sequence: they learn nothing any more."
    )
    return Finding(
        kind="dead_units", sentence=sentence, evidence=(_of(case, "dead_units", shares),)
    )


def clipped_always(case: Case) -> Judgement:
    """Judge whether nearly every update is clipped."""
    if case.config.training.clipping is None:
        return None
    if case.course is None:
        return NO_COURSE
    if not case.course.steps:
        return NO_STEP
    share = case.course.clipped_share()
    if share < CLIPPED_SHARE:
        return None
    sentence = (
        f"{100 * share:.0f} % of the last half of the steps were clipped: the threshold sets the "
        "size of the updates, not the gradient."
    )
    found = Evidence(statistic="clip_factor", value=share, text=f"{100 * share:.0f} % clipped")
    return Finding(kind="clipped_always", sentence=sentence, evidence=(found,))


def not_learning(case: Case) -> Judgement:
    """Judge whether the loss at the end is no better than without a memory."""
    if case.task.baseline is None:
        return "the task has no baseline to compare with"
    if case.course is None:
        return NO_COURSE
    if not case.course.steps:
        return NO_STEP
    if not case.over:
        return "the training is not over"
    late = case.course.late_loss()
    if late < LEARNING_SHARE * case.task.baseline:
        return None
    sentence = (
        f"The loss ends at {late:.3g}, and an answer without any memory reaches "
        f"{case.task.baseline:.3g}: however far it fell, no memory shows in it."
    )
    found = Evidence(statistic="loss", value=late, text=f"loss {late:.3g}")
    return Finding(kind="not_learning", sentence=sentence, evidence=(found,))


def is_solved(case: Case) -> bool:
    """Tell whether the last tenth's mean loss is under what counts as solved."""
    below = case.task.solved_below
    if below is None or case.course is None or not case.course.steps:
        return False
    return case.course.late_loss() < below


def _shares(case: Case, statistic: str) -> Array | None:
    """Return a share for each layer, the mean over time where there is one; None: not defined."""
    values = np.asarray(case.frame.arrays[statistic], dtype=np.float64)
    shares = values.reshape(len(values), -1).mean(axis=1)
    return None if np.isnan(shares).all() else shares


def _name(case: Case, index: int) -> int | str:
    """Return a layer's coordinate."""
    return case.config.model.layer_axis[index]


def _of(case: Case, statistic: str, shares: Array) -> Evidence:
    share, layer = float(shares.max()), _name(case, int(np.argmax(shares)))
    return Evidence(
        statistic=statistic,
        step=case.frame.step,
        layer=layer,
        value=share,
        text=f"{100 * share:.0f} % of layer {layer}",
    )


JUDGES: Mapping[Kind, Callable[[Case], Judgement]] = MappingProxyType(
    {
        "diverged": diverged,
        "exploding": exploding,
        "vanishing": vanishing,
        "truncated": truncated,
        "saturated": saturated,
        "dead_units": dead_units,
        "clipped_always": clipped_always,
        "not_learning": not_learning,
    }
)
"""Every kind but healthy, the gravest first."""
