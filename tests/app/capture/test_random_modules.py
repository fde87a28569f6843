"""What `watch` records of fifty random modules, beside loops of their equations."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from app.capture import watch  # noqa: E402  # after importorskip
from app.frame_bytes import unpack  # noqa: E402
from engine import CaptureConfig  # noqa: E402
from engine.arrays import Array  # noqa: E402
from engine.watching.frames import Look  # noqa: E402
from tests.app.capture.destinations import Kept, watched_by  # noqa: E402
from tests.app.capture.random_modules import SIZE, Case, Model  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("case", [Case(number) for number in range(50)], ids=str)
def test_what_is_recorded_is_what_the_unrolled_module_says(case: Case, tmp_path: Path) -> None:
    model = Model(case)
    kept = Kept()
    with watched_by(kept, watch(model, store=tmp_path, every=1)) as watcher:
        model().backward()
    assert watcher.counts.sent == 1
    taken = unpack(kept.bodies[0])
    look = Look(CaptureConfig.from_dict(kept.config), taken)
    reference = model.unrolled()
    per_sample = SIZE * reference.hidden_gradients.astype(np.float64)
    arrays = look.frame.arrays
    norms = np.linalg.norm(per_sample, axis=-1).mean(axis=-1)
    assert difference(10.0 ** arrays["hidden_gradient_norm"], norms) <= case.tolerance
    units = np.abs(per_sample).mean(axis=2)
    assert difference(10.0 ** arrays["hidden_gradient"], units) <= case.tolerance
    for name, parameter in model.recurrent.named_parameters():
        assert parameter.grad is not None
        own = parameter.grad.numpy()
        assert difference(look.parameter_gradients[name], own) <= case.tolerance


def difference(mine: Array, theirs: Array) -> float:
    """Return the largest difference in shares of the largest entry."""
    return float(np.abs(mine - theirs).max() / np.abs(theirs).max())
