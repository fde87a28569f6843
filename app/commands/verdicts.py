"""A run's verdict on the terminal: what is wrong, why, and what to try."""

from collections.abc import Iterator

from app.store import Run
from engine import Verdict, config_of


def verdict_lines(run: Run) -> Iterator[tuple[str, str]]:
    """Yield label and text of each line; none before the run's first frame."""
    if run.verdict is None:
        return
    verdict = Verdict.from_dict(run.verdict)
    yield "Gradient", f"{verdict.word}: {verdict.sentence}"
    yield "Verdict", ", ".join(kind.replace("_", " ") for kind in verdict.kinds)
    for finding in verdict.findings:
        yield finding.kind.replace("_", " ").capitalize(), finding.sentence
    if verdict.cause is not None:
        yield "Cause", verdict.cause.sentence
    remedies = verdict.remedies(config_of(run.config))
    if remedies:
        yield "To try", "; ".join(remedy.title for remedy in remedies)
