"""Settings as a command sees them: its options first, then environment and .env."""

import os
import secrets
from typing import Any

import typer
from pydantic import SecretStr, ValidationError
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import DBAPIError

from app.runs import Executor, RunError, executor_of
from app.settings import Settings
from app.store import MissingDriverError, StorageError, Store, open_store

TOKEN_FILE = "token"  # the name of the file, not what is in it
TOKEN_BYTES = 32

out = Console(highlight=False, soft_wrap=True)
err = Console(highlight=False, soft_wrap=True, stderr=True)


def settings_from(**options: Any) -> Settings:  # noqa: ANN401
    """Return the settings with the options that were given; what is None was not.

    Raises:
        typer.Exit: A setting is wrong; what and why has been printed.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given).require_safe_address().require_scheduler()
    except ValidationError as problem:
        for each in problem.errors():
            field = ".".join(str(part) for part in each["loc"])
            err.print(
                f"[bold red]{field}[/]: {escape(each['msg'])}, got {escape(repr(each['input']))}"
            )
        raise typer.Exit(2) from problem
    except ValueError as problem:
        err.print(f"[bold red]{escape(str(problem))}[/]")
        raise typer.Exit(2) from problem


def store_of(settings: Settings) -> Store:
    """Open the store.

    Raises:
        typer.Exit: It cannot be used; where it is and why has been printed.
    """
    try:
        return open_store(settings)
    except (MissingDriverError, StorageError) as problem:
        err.print(f"[bold red]{escape(str(problem))}[/]")
        raise typer.Exit(1) from problem
    except (OSError, DBAPIError) as problem:
        reason = problem.orig if isinstance(problem, DBAPIError) else problem.strerror or problem
        err.print(
            f"[bold red]The data folder {escape(str(settings.data))} cannot be used[/]:"
            f" {escape(str(reason))}; choose another with --data or GRADTIDE_DATA"
        )
        raise typer.Exit(1) from problem


def executor_for(store: Store, settings: Settings) -> Executor:
    """Return the executor that the settings name, found fit to work.

    Raises:
        typer.Exit: It cannot work; why has been printed.
    """
    try:
        executor = executor_of(store, settings)
        executor.prepare()
    except (MissingDriverError, RunError) as problem:
        err.print(f"[bold red]{escape(str(problem))}[/]")
        raise typer.Exit(1) from problem
    return executor


def with_token(settings: Settings) -> Settings:
    """Return the settings with the token of the data folder, made at first start if asked for."""
    if settings.token is not None or not settings.make_token:
        return settings
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.data / TOKEN_FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        token = path.read_text(encoding="ascii").strip()
    else:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token + "\n")
    return settings.model_copy(update={"token": SecretStr(token)})
