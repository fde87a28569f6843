"""`gradtide serve`: uvicorn with our settings, an address to open, a stop in good order."""

import contextlib
import errno
import os
import signal
import socket
import threading
import webbrowser

import typer
import uvicorn
from fastapi import FastAPI
from rich.markup import escape

from app.commands.patience import PatientProtocol
from app.commands.settings import err, executor_for, out, store_of, with_token
from app.commands.starter import queue_starter
from app.logs import log_to_stderr
from app.settings import Settings

GRACEFUL_SECONDS = 3  # open event streams would hold the server for ever
# Of all that a stop waits for: requests and workers end side by side, the rest takes moments.
LEAVE_SECONDS = 7.0
MAX_CONNECTIONS = 1000
HEADER_BYTES = 262_144  # beyond this bare h11 refuses; below, our own guard, as a problem
WILDCARDS = ("0.0.0.0", "::")  # compared with, not bound to


def run_server(settings: Settings, *, open_browser: bool, starter: bool) -> None:
    """Serve until a signal; workers save what they have, and their runs go on next time."""
    from app.main import create_app

    log_to_stderr()
    _require_free_port(settings)
    with contextlib.closing(store_of(settings)) as store:
        executor_for(store, settings)
    settings = with_token(settings)
    if starter:
        queue_starter(settings)
    app = create_app(settings)
    # uvicorn raises the signal again when it is done; a stop that was asked for is no failure.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with contextlib.suppress(KeyboardInterrupt):
        _Server(configured(app, settings), app, settings, open_browser=open_browser).run()


def configured(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return how uvicorn serves an application: with bounds on all that a client may hold."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=PatientProtocol,  # of h11, which refuses endless headers; httptools takes them
        h11_max_incomplete_event_size=HEADER_BYTES,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        limit_concurrency=MAX_CONNECTIONS,
    )


def _require_free_port(settings: Settings) -> None:
    """Say how to take another port where somebody listens already: uvicorn names no setting.

    Raises:
        typer.Exit: The port is taken; that has been printed.
    """
    if not settings.port:
        return
    kind = socket.SOCK_STREAM
    with contextlib.suppress(socket.gaierror):  # uvicorn says what is wrong with a host
        for family, _, _, _, address in socket.getaddrinfo(settings.host, settings.port, type=kind):
            try:
                with socket.socket(family, kind) as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(address)
            except OSError as problem:
                if problem.errno != errno.EADDRINUSE:
                    continue
                err.print(
                    f"[bold red]Port {settings.port} of {settings.host} is in use already[/]:"
                    " take another with --port or GRADTIDE_PORT, or 0 for a free one"
                )
                raise typer.Exit(1) from problem


class _Server(uvicorn.Server):
    """Says where it listens once it does, and goes within a time that nothing can stretch."""

    def __init__(
        self, config: uvicorn.Config, app: FastAPI, settings: Settings, *, open_browser: bool
    ) -> None:
        super().__init__(config)
        self._app = app
        self._settings = settings
        self._open_browser = open_browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit or not self.servers:
            return
        port = self.servers[0].sockets[0].getsockname()[1]
        address = address_of(self._settings, port)
        out.print(f"Gradtide is at [link={address}]{address}[/link]")
        out.print(f"Data in {escape(str(self._settings.data))}; stop with Ctrl-C.")
        if self._open_browser:
            webbrowser.open(address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # The store is whole at any moment, so what is not done by then need not be waited for.
        last = threading.Timer(LEAVE_SECONDS, os._exit, (0,))
        last.daemon = True
        last.start()
        # uvicorn waits for its connections before it tells the application of the end.
        self._app.state.service.leave()
        self._app.state.hub.close()
        await super().shutdown(sockets)


def address_of(settings: Settings, port: int) -> str:
    """Return the address to open in a browser, with the token's link where there is one."""
    host = "127.0.0.1" if settings.host in WILDCARDS else settings.host
    bracketed = f"[{host}]" if ":" in host else host
    base = f"http://{bracketed}:{port}"
    if settings.token is None:
        return f"{base}/"
    return f"{base}/login?token={settings.token.get_secret_value()}"
