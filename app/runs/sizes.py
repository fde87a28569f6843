"""Bytes in words."""

_STEP = 1000
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def size_text(count: float) -> str:
    """Write a number of bytes in the unit that leaves few digits.

    >>> size_text(999), size_text(12638029824), size_text(642982840508)
    ('999 bytes', '12.6 GB', '643 GB')
    """
    value, unit = float(count), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.3g} {_UNITS[unit]}" if value < _STEP else f"{value:.4g} {_UNITS[unit]}"
