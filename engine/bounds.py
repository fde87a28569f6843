"""Bounds that a configuration is held to, and whatever makes or describes one: declared once."""

from typing import Final

MOST_STEPS: Final = 10_000_000
"""Training steps of a run, and so what any number of them may be."""

LONGEST_NAME: Final = 200
"""Characters of what a run is called."""

MOST_TAGS: Final = 20
LONGEST_TAG: Final = 64

MOST_CHARACTERS: Final = 1024
"""Different characters of an uploaded text: the width of its one-hot inputs."""

MOST_COLUMNS: Final = 256
LONGEST_COLUMN: Final = 200
"""Columns of an uploaded series, and the characters of a column's name."""
