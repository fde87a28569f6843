"""Schedules: endpoints and shapes, and PyTorch's schedulers as twins."""

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest

from engine.config import (
    ConstantSchedule,
    CosineSchedule,
    ExponentialSchedule,
    PlateauSchedule,
    Schedule,
    Sgd,
    StepSchedule,
    TrainingConfig,
    WarmupCosineSchedule,
)
from engine.learning.schedules import Plateau, Scheduler, learning_rate


def test_the_constant_schedule_is_constant() -> None:
    training = TrainingConfig(optimizer=Sgd(learning_rate=0.3), schedule=ConstantSchedule())
    assert {learning_rate(training, step) for step in (0, 7, 999, 5000)} == {0.3}


def cosine(final_share: float = 0.0, horizon: int | None = None) -> TrainingConfig:
    schedule = CosineSchedule(final_share=final_share, horizon=horizon)
    return TrainingConfig(steps=100, optimizer=Sgd(learning_rate=0.4), schedule=schedule)


def test_the_cosine_schedule_has_its_endpoints() -> None:
    training = cosine(final_share=0.1)
    assert learning_rate(training, 0) == 0.4
    assert learning_rate(training, 50) == pytest.approx(0.4 * 0.55, rel=1e-12)
    assert learning_rate(training, 100) == pytest.approx(0.04, rel=1e-12)
    assert learning_rate(training, 1000) == learning_rate(training, 100)


def test_the_cosine_schedule_falls_all_the_way() -> None:
    rates = np.array([learning_rate(cosine(), step) for step in range(101)])
    assert np.all(np.diff(rates) < 0)
    assert rates[-1] == 0


def test_a_horizon_of_its_own_outlives_the_training() -> None:
    assert learning_rate(cosine(horizon=200), 100) == pytest.approx(0.2, rel=1e-12)


def test_a_training_without_steps_has_a_learning_rate() -> None:
    training = TrainingConfig(steps=0, schedule=CosineSchedule())
    assert learning_rate(training, 0) == training.optimizer.learning_rate


def rates(schedule: Schedule, updates: int = 60, steps: int = 50) -> list[float]:
    """Return the rates of a training of 50 steps, and of some after it."""
    training = TrainingConfig(steps=steps, optimizer=Sgd(learning_rate=0.4), schedule=schedule)
    return [learning_rate(training, step) for step in range(updates)]


def test_the_step_schedule_cuts_at_every_period() -> None:
    found = rates(StepSchedule(period=20, factor=0.5))
    assert found[0] == found[19] == 0.4
    assert found[20] == found[39] == 0.2
    assert found[40] == 0.1


def test_the_exponential_schedule_falls_by_the_same_share() -> None:
    found = np.array(rates(ExponentialSchedule(factor=0.9)))
    np.testing.assert_allclose(found[1:] / found[:-1], 0.9, rtol=1e-12)


def test_the_warm_up_ends_at_the_full_rate_and_the_cosine_starts_there() -> None:
    found = rates(WarmupCosineSchedule(warmup=10, final_share=0.1))
    np.testing.assert_allclose(found[:10], 0.04 * np.arange(1, 11), rtol=1e-12)
    assert found[10] == 0.4
    assert found[30] == pytest.approx(0.4 * 0.55, rel=1e-12)
    assert found[50] == found[59] == pytest.approx(0.04, rel=1e-12)


def test_a_warm_up_longer_than_the_training_is_all_there_is() -> None:
    found = rates(WarmupCosineSchedule(warmup=100), updates=50)
    np.testing.assert_allclose(found, 0.004 * np.arange(1, 51), rtol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize(
    "schedule",
    [
        StepSchedule(period=7, factor=0.3),
        ExponentialSchedule(factor=0.9),
        CosineSchedule(final_share=0.1),
        WarmupCosineSchedule(warmup=10, final_share=0.2),
    ],
    ids=lambda schedule: schedule.kind,
)
def test_rates_are_those_of_torch(schedule: Schedule) -> None:
    import torch
    from torch.optim import lr_scheduler as theirs

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
    match schedule:
        case StepSchedule(period=period, factor=factor):
            twin: theirs.LRScheduler = theirs.StepLR(optimizer, period, factor)
        case ExponentialSchedule(factor=factor):
            twin = theirs.ExponentialLR(optimizer, factor)
        case CosineSchedule(final_share=share):
            twin = theirs.CosineAnnealingLR(optimizer, 50, 0.4 * share)
        case WarmupCosineSchedule(warmup=warmup, final_share=share):
            up = theirs.LinearLR(optimizer, 1 / warmup, total_iters=warmup - 1)
            down = theirs.CosineAnnealingLR(optimizer, 50 - warmup, 0.4 * share)
            twin = theirs.SequentialLR(optimizer, [up, down], [warmup])
    found = []
    for _ in range(50):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        twin.step()
    # PyTorch goes from rate to rate, where rounding adds up; ours are functions of the step.
    np.testing.assert_allclose(rates(schedule, 50), found, rtol=1e-11)


# Plateau


def plateau_rates(options: PlateauSchedule, losses: Sequence[float]) -> list[float]:
    """Return the rate after each loss, from 0.4."""
    plateau = Plateau(options, 0.4)
    found = []
    for loss in losses:
        plateau.observe(loss)
        found.append(plateau.rate)
    return found


def falling(count: int) -> list[float]:
    """Return losses that fall, stall, fall again and stall, with noise."""
    rng = np.random.default_rng(8)
    level = np.maximum(1.0, 3 - 0.05 * np.arange(count)) - 0.5 * (np.arange(count) > count // 2)
    return list(level * (1 + 0.02 * rng.standard_normal(count)))


@pytest.mark.torch
@pytest.mark.parametrize("every", [1, 5])
@pytest.mark.parametrize(
    "options",
    [
        PlateauSchedule(every=1, patience=3, threshold=0.01, factor=0.5),
        PlateauSchedule(every=1, patience=0, threshold=0.0, factor=0.9),
        PlateauSchedule(every=1, patience=2, threshold=0.05, factor=0.3, cooldown=4, floor=0.01),
    ],
    ids=["patience", "at once", "cooldown and floor"],
)
def test_the_plateau_cuts_where_torch_does(options: PlateauSchedule, every: int) -> None:
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
    twin = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=options.factor,
        patience=options.patience,
        threshold=options.threshold,
        cooldown=options.cooldown,
        min_lr=options.floor,
        eps=0.0,  # PyTorch leaves changes below 1e-8 out otherwise
    )
    means = falling(200)
    expected = []
    for mean in means:
        twin.step(mean)
        expected += [optimizer.param_groups[0]["lr"]] * every
    # Losses around each mean: what is looked at is the mean alone.
    around = np.linspace(-0.5, 0.5, every) if every > 1 else np.zeros(1)
    losses = (np.array(means)[:, None] + around).ravel().tolist()
    looking = PlateauSchedule(**{**options.to_dict(), "every": every})  # type: ignore[arg-type]
    found = plateau_rates(looking, losses)
    assert len(set(expected)) > 3
    # Between two looks the rate is that of the look before.
    np.testing.assert_allclose(found[every - 1 :: every], expected[every - 1 :: every], rtol=1e-12)


def test_a_loss_that_keeps_falling_keeps_its_rate() -> None:
    options = PlateauSchedule(every=2, patience=0)
    assert set(plateau_rates(options, list(np.linspace(3, 1, 80)))) == {0.4}


def test_a_floor_above_the_start_does_not_raise_the_rate() -> None:
    options = PlateauSchedule(every=1, patience=0, floor=1.0)
    assert set(plateau_rates(options, [1.0] * 10)) == {0.4}


@pytest.mark.parametrize("cut", [0, 1, 7, 43, 120])
def test_a_restored_plateau_goes_on_bit_for_bit(cut: int) -> None:
    options = PlateauSchedule(every=3, patience=2, cooldown=3, factor=0.7)
    losses = falling(200)
    whole = plateau_rates(options, losses)
    first = Plateau(options, 0.4)
    for loss in losses[:cut]:
        first.observe(loss)
    second = Plateau(options, 0.4)
    second.restore(json.loads(json.dumps(first.state(), allow_nan=False)))
    found = []
    for loss in losses[cut:]:
        second.observe(loss)
        found.append(second.rate)
    assert found == whole[cut:]


def test_only_a_plateau_remembers() -> None:
    scheduler = Scheduler(TrainingConfig(steps=10, schedule=CosineSchedule()))
    before = scheduler.rate(3)
    scheduler.observe(math.inf)
    assert scheduler.rate(3) == before
    assert scheduler.state() == {}
