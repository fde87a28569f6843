"""The command line, `gradtide`: each command hands on to its module in `app.commands`."""

from pathlib import Path
from typing import Annotated

import typer

from app.blas import pin_threads
from app.cli_verbs import DataOption, add_verbs

# The commands import what they need themselves: `gradtide ls` does not wait for a web framework.
app = typer.Typer(
    name="gradtide",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

NameOption = Annotated[str | None, typer.Option(help="What it is called.", show_default=False)]


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
def send(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Where `watch` has kept steps; the data folder if left out.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    url: Annotated[str, typer.Option(help="The service.")] = "http://127.0.0.1:8000",
    over: Annotated[
        bool, typer.Option("--over", help="Loops of other machines are over, said or not.")
    ] = False,
) -> None:
    """Send steps that watched training loops have kept on disk to a service; go on if stopped."""
    from app.commands.send import send_folder
    from app.commands.settings import settings_from

    settings = settings_from()
    raise typer.Exit(send_folder(settings, folder or settings.data, url, over=over))


upload = typer.Typer(no_args_is_help=True, help="Bring weights and data of your own.")
app.add_typer(upload, name="upload")


@upload.command("data")
def upload_data(
    file: Annotated[
        Path, typer.Argument(help="CSV, text, npz or safetensors.", exists=True, dir_okay=False)
    ],
    name: NameOption = None,
    kind: Annotated[
        str | None, typer.Option(help="series, text or arrays; told by the file if left out.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="Of a table: keep this one; repeat it.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Check a data set and keep it in the store."""
    from app.commands.settings import settings_from
    from app.commands.uploads import upload_dataset

    settings = settings_from(data=data)
    raise typer.Exit(upload_dataset(settings, file, name=name, kind=kind, columns=column or ()))


@upload.command("model")
def upload_weights(
    file: Annotated[
        Path,
        typer.Argument(
            help="safetensors of PyTorch or Keras, or npz of Keras.", exists=True, dir_okay=False
        ),
    ],
    name: NameOption = None,
    cell: Annotated[str | None, typer.Option(help="Refuse any other cell.")] = None,
    activation: Annotated[str | None, typer.Option(help="Of a plain RNN.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Which of several networks.")] = None,
    readout: Annotated[
        str | None, typer.Option(help="Which linear layer is the read-out, or none.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Recognise the weights of a recurrent network and keep them in the store."""
    from app.commands.settings import settings_from
    from app.commands.uploads import upload_model
    from app.uploads import Wanted

    wanted = Wanted(cell=cell, activation=activation, prefix=prefix, readout=readout)
    raise typer.Exit(upload_model(settings_from(data=data), file, name=name, wanted=wanted))


@app.command()
def datasets(data: DataOption = None) -> None:
    """List the uploaded data sets."""
    from app.commands.settings import settings_from
    from app.commands.uploads import print_uploads

    raise typer.Exit(print_uploads(settings_from(data=data), "dataset"))


@app.command()
def models(data: DataOption = None) -> None:
    """List the uploaded models."""
    from app.commands.settings import settings_from
    from app.commands.uploads import print_uploads

    raise typer.Exit(print_uploads(settings_from(data=data), "model"))


@app.command()
def doctor(data: DataOption = None) -> None:
    """Check the installation: store, executor, and the gradients against differences."""
    from app.commands.doctor import examine
    from app.commands.settings import settings_from

    raise typer.Exit(examine(settings_from(data=data)))


add_verbs(app)

if __name__ == "__main__":
    app()
