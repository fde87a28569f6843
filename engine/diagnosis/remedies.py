"""Remedies: changes of a run's configuration that act on what is wrong with it, ready to run."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.bounds import LONGEST_NAME
from engine.config import RunConfig, config_of, is_captured
from engine.diagnosis.cures import CURES, Cure
from engine.diagnosis.merge_patch import apply_patch, patch_between
from engine.errors import ConfigError

MOST = 6
"""Remedies offered at once: as many as a person will try."""

UNKNOWN_ELSEWHERE = ("training/optimizer", "training/schedule", "training/steps")
"""What a training loop elsewhere does in its own way, of which nothing is known here."""

ACTIVATION = "model/activation"  # which fits any uploaded weights


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """One change to try.

    Attributes:
        patch: JSON Merge Patch of the configuration.
        config: The configuration with the change, complete.
    """

    title: str
    why: str
    patch: Mapping[str, object]
    config: Mapping[str, object]

    def to_dict(self) -> dict[str, object]:
        """Return the fields as plain values."""
        return {
            "title": self.title,
            "why": self.why,
            "patch": dict(self.patch),
            "config": dict(self.config),
        }


def remedies_for(
    config: RunConfig, kinds: tuple[str, ...], factor: str | None = None
) -> tuple[Remedy, ...]:
    """Return what to try, the likeliest first; empty for a healthy run.

    Args:
        config: The run's.
        kinds: The verdict's.
        factor: The verdict's cause, if it has one: remedies that act on it come first.
    """
    base = config.to_dict()
    found: list[Remedy] = []
    seen: list[Mapping[str, object]] = []
    for kind in kinds:
        for cure in CURES[kind](base, factor) if kind in CURES else ():
            remedy = _made(base, cure)
            if remedy is None or _sections(remedy.config) in seen:
                continue
            seen.append(_sections(remedy.config))
            found.append(remedy)
    return tuple(found[:MOST])


def _made(base: Mapping[str, Any], cure: Cure) -> Remedy | None:
    """Return the remedy, or None where the configuration refuses it or has it already."""
    title, why, changes = cure
    if is_captured(base) and any(path.startswith(UNKNOWN_ELSEWHERE) for path in changes):
        return None
    wanted: dict[str, Any] = copy.deepcopy(dict(base))
    for path, value in changes.items():
        *sections, key = path.split("/")
        place = wanted
        for section in sections:
            place = place[section]
        place[key] = copy.deepcopy(value)
    if any(path.startswith("model/") and path != ACTIVATION for path in changes):
        wanted["model"]["from_model"] = None  # another network, or another start: drawn anew
    wanted["name"] = f"{base['name']}: {title}"[:LONGEST_NAME]
    try:
        config = config_of(wanted).to_dict()
    except ConfigError:
        return None
    if _sections(config) == _sections(base):
        return None
    patch = patch_between(base, config)
    merged = config_of(apply_patch(base, patch)).to_dict()
    return Remedy(title=title, why=why, patch=patch, config=merged) if merged == config else None


def _sections(config: Mapping[str, object]) -> Mapping[str, object]:
    """Return what a configuration does, whatever it is called."""
    return {name: value for name, value in config.items() if name not in ("name", "tags")}
