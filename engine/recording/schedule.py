"""Which steps have a frame."""


def frame_steps(*, every: int, last: int) -> tuple[int, ...]:
    """Return the steps of all frames of a run that does not diverge.

    Example:
        >>> frame_steps(every=50, last=120)
        (0, 50, 100, 120)
    """
    steps = range(0, last + 1, every)
    return (*steps,) if steps[-1] == last else (*steps, last)
