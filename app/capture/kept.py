"""What loops have left on disk, sent to a service later: `gradtide send`, and `send_kept`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.capture.counts import Counts
from app.capture.destinations import OverError, RefusedError, Service
from app.capture.spool import CONFIG, Spool
from app.client import Client

KEPT: Final = "kept"
"""Folder below the data folder, or below the one named as `store`, in which steps are kept."""

LOST: Final = "the process of the training loop was gone before the loop had ended"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What became of the steps of one loop.

    Attributes:
        run_id: The run's id at the service; None where none was made.
        steps: How many have arrived.
        refused: How many the service did not take.
        fault: Why the run is not complete; None where it is.
    """

    folder: Path
    run_id: str | None
    steps: int
    refused: int
    fault: str | None


def loops_in(folder: Path) -> list[Spool]:
    """Return what loops have left in a folder, in the `kept` below it, or in the one loop's own."""
    for pattern in (CONFIG, f"*/{CONFIG}", f"{KEPT}/*/{CONFIG}"):
        found = sorted(folder.glob(pattern))
        if found:
            return [Spool(path.parent) for path in found]
    return []


def send_loop(
    spool: Spool,
    client: Client,
    *,
    over: bool = False,
    arrived: Callable[[], object] = lambda: None,
) -> Sent:
    """Send what a loop has left; what a loop that still runs has there is left to it.

    Args:
        spool: The steps.
        client: The service.
        over: Take a loop to be over though it has not said so: one of another machine.
        arrived: Called after each step.

    Raises:
        AwayError: The service cannot be reached, or wants a token; what was not sent is kept.
    """
    counts, service = Counts(), Service(client)
    fault = _hindrance(spool, service, over=over)
    if fault is None:
        try:
            spool.send(service, counts, arrived)
        except OverError as err:
            fault = f"the service takes no more of it, and what was left is deleted: {err}"
        except RefusedError as err:
            fault = f"the service takes no such run: {err}"
    run_id = spool.run_id or spool.service_run
    return Sent(
        folder=spool.folder, run_id=run_id, steps=counts.sent, refused=counts.refused, fault=fault
    )


def send_kept(folder: Path | str, client: Client) -> list[str]:
    """Send what loops have left in a folder while the service was away, or with `store=`.

    What a loop that still runs has there is left to it.

    Returns:
        The ids of the runs that are complete now.

    Raises:
        AwayError: The service cannot be reached.
    """
    sent = [send_loop(spool, client) for spool in loops_in(Path(folder))]
    return [each.run_id for each in sent if each.fault is None and each.run_id is not None]


def _hindrance(spool: Spool, service: Service, *, over: bool) -> str | None:
    """Return why a loop's steps cannot be sent; None where they can."""
    try:
        loop = spool.loop
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        return f"{CONFIG} is not what a watched loop writes: {type(err).__name__}: {err}"
    if loop == "running":
        return "the loop is still running, and sends for itself"
    if loop == "elsewhere" and not over:
        return "the loop was started on another machine and has not said that it ended"
    if loop != "ended":
        spool.end("failed", LOST)
    begun = spool.service_run
    if begun is not None and not service.has(begun):
        return (
            f"some of its steps went to run {begun}, which this service does not have: send the"
            " rest where they went, or delete the folder"
        )
    return None
