"""The commands that do something to a run which is there, for `app.cli` to take up."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

RunArgument = Annotated[str, typer.Argument(help="Id of the run, or how it begins.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder of everything stored.", show_default=False)
]
HELP: Final = {
    "cancel": "Stop a run; what it has recorded stays readable.",
    "pause": "Let a running run save and stop, until it is resumed.",
    "resume": "Queue a paused run again.",
    "retry": "Queue a failed run again; it goes on from its last checkpoint.",
}


def add_verbs(app: typer.Typer) -> None:
    """Add the commands."""
    for verb, told in HELP.items():
        app.command(verb, help=told)(_command(verb))
    app.command("extend")(extend)
    app.command("delete")(delete)


def _command(verb: str) -> Callable[..., None]:
    def act(run: RunArgument, data: DataOption = None) -> None:
        from app.commands.settings import settings_from
        from app.commands.verbs import act_on_run

        raise typer.Exit(act_on_run(settings_from(data=data), run, verb))

    return act


def extend(
    run: RunArgument,
    steps: Annotated[int, typer.Argument(min=0, help="Training steps in all.")],
    data: DataOption = None,
) -> None:
    """Queue a run that succeeded again, until it has so many steps."""
    from app.commands.settings import settings_from
    from app.commands.verbs import extend_run

    raise typer.Exit(extend_run(settings_from(data=data), run, steps))


def delete(
    run: RunArgument,
    data: DataOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a run that is over, with all that it has recorded."""
    from app.commands.settings import settings_from
    from app.commands.verbs import act_on_run

    if not yes:
        typer.confirm(f"Delete run {run} with all that it has recorded?", abort=True)
    raise typer.Exit(act_on_run(settings_from(data=data), run, "delete"))
