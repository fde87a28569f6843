"""When to look: at step 0, at every multiple of `every`, and at the last step."""


def is_due(step: int, *, every: int, last: int) -> bool:
    """Say whether a frame belongs to `step`.

    Args:
        step: Updates done.
        every: Distance of two frames, ≥ 1.
        last: The run's last step, which always has a frame.
    """
    return step % every == 0 or step == last


def frame_steps(*, every: int, last: int) -> tuple[int, ...]:
    """Return the steps of all frames of a run that does not diverge.

    Example:
        >>> frame_steps(every=50, last=120)
        (0, 50, 100, 120)
    """
    steps = range(0, last + 1, every)
    return (*steps,) if steps[-1] == last else (*steps, last)
