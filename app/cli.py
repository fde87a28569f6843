"""The command line: `gradtide serve`, `train`, `sweep`, `ls`, `show`, `export`, `doctor`."""

from pathlib import Path
from typing import Annotated

import typer

from app.blas import pin_threads

# The commands import what they need themselves: `gradtide ls` does not wait for a web framework.
app = typer.Typer(
    name="gradtide",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder of everything stored.", show_default=False)
]


@app.callback()
def prepare() -> None:
    """See how gradients flow through recurrent networks, and why one does not learn."""
    pin_threads()


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.")] = None,
    data: DataOption = None,
    workers: Annotated[int | None, typer.Option(help="Runs at once; others queue.")] = None,
    executor: Annotated[str | None, typer.Option(help="Where runs execute: local or dask.")] = None,
    dask_address: Annotated[
        str | None, typer.Option(help="Dask's scheduler, as tcp://host:8786.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow other addresses without a token.")
    ] = False,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in a browser.")
    ] = False,
    starter: Annotated[
        bool, typer.Option("--starter", help="Start a first comparison where nothing is stored.")
    ] = False,
) -> None:
    """Serve the pages and run what is queued, until interrupted."""
    from app.commands.serve import run_server
    from app.commands.settings import settings_from

    settings = settings_from(
        host=host,
        port=port,
        data=data,
        workers=workers,
        executor=executor,
        dask_address=dask_address,
        insecure=insecure or None,
    )
    run_server(settings, open_browser=open_browser, starter=starter)


@app.command()
def train(
    config: Annotated[
        Path, typer.Argument(help="Configuration, JSON or TOML.", exists=True, dir_okay=False)
    ],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a value: --set model.cell=lstm.", metavar="PATH=VALUE"),
    ] = None,
    data: DataOption = None,
) -> None:
    """Train one run in the foreground, into the same store, and print the verdict."""
    from app.commands.settings import settings_from
    from app.commands.train import train_in_foreground

    raise typer.Exit(
        train_in_foreground(settings_from(data=data), config, tuple(assignments or ()))
    )


@app.command()
def sweep(
    grid: Annotated[
        Path,
        typer.Argument(help="Base, axes, repeats; JSON or TOML.", exists=True, dir_okay=False),
    ],
    data: DataOption = None,
    workers: Annotated[int | None, typer.Option(help="Runs at once; others queue.")] = None,
) -> None:
    """Train a grid of runs in the foreground, into the same store, and print what came of it."""
    from app.commands.settings import settings_from
    from app.commands.sweep import sweep_in_foreground

    raise typer.Exit(sweep_in_foreground(settings_from(data=data, workers=workers), grid))


@app.command("ls")
def list_runs(
    status: Annotated[str | None, typer.Option(help="Only runs of this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="So many at most.")] = 50,
    data: DataOption = None,
) -> None:
    """List the newest runs."""
    from app.commands.reading import print_runs
    from app.commands.settings import settings_from

    raise typer.Exit(print_runs(settings_from(data=data), status=status, limit=limit))


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="Id of the run, or how it begins.")],
    data: DataOption = None,
) -> None:
    """Show one run: configuration, progress, verdict, what is recorded."""
    from app.commands.reading import print_run
    from app.commands.settings import settings_from

    raise typer.Exit(print_run(settings_from(data=data), run))


@app.command()
def export(
    run: Annotated[str, typer.Argument(help="Id of the run, or how it begins.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.", dir_okay=False)],
    format_: Annotated[
        str, typer.Option("--format", help="npz, csv, arrow, html or tensorboard.")
    ] = "npz",
    data: DataOption = None,
) -> None:
    """Write everything that is recorded of a run into a file."""
    from app.commands.export import export_run
    from app.commands.settings import settings_from

    raise typer.Exit(export_run(settings_from(data=data), run, format_, output))


@app.command()
def doctor(data: DataOption = None) -> None:
    """Check the installation: store, executor, and the gradients against differences."""
    from app.commands.doctor import examine
    from app.commands.settings import settings_from

    raise typer.Exit(examine(settings_from(data=data)))


if __name__ == "__main__":
    app()
