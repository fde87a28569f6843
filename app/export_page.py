"""A run as one HTML file that needs no network: its verdict, every figure, its configuration."""

import json
from collections.abc import Iterator
from html import escape
from typing import Final

import plotly.io

from app.figures import FIGURES, FigureOptions, load
from app.runs import status_word
from app.store import Run, Store
from app.wire import finite

# The file carries plotly.js itself and reaches nothing.
POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)
_STYLE: Final = (
    "body{font-family:system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "figure{margin:2rem 0}figcaption{color:#555}pre{overflow:auto}"
    "@media print{body{margin:0}figure{break-inside:avoid}h2{break-after:avoid}"
    "pre{white-space:pre-wrap}}"
)


def html_page(store: Store, run: Run) -> Iterator[bytes]:
    """Yield the page a figure at a time."""
    yield _head(run).encode()
    scripts = True
    for figure in FIGURES.values():
        if figure.runs[0] > 1:
            continue
        # As the pages begin: what the captions call pale and dark is told of ratios.
        options = FigureOptions(mode="ratio")
        drawn = figure.draw(load(store, [run.id], figure, options), options)
        if drawn.figure.layout.meta.get("empty"):
            why = drawn.figure.layout.annotations[0].text
            yield f"<h2>{escape(figure.title)}</h2><p>{escape(why)}</p>\n".encode()
            continue
        plot = plotly.io.to_html(drawn.figure, include_plotlyjs=scripts, full_html=False)
        scripts = False
        caption = f"<figcaption>{escape(figure.how_to_read)}</figcaption>"
        yield f"<h2>{escape(figure.title)}</h2><figure>{plot}{caption}</figure>\n".encode()
    config = json.dumps(finite(run.config), indent=2, ensure_ascii=False)
    yield f"<h2>Configuration</h2><pre>{escape(config)}</pre></body></html>\n".encode()


def _head(run: Run) -> str:
    verdict = (
        run.verdict["sentence"] if run.verdict else "There is no verdict: nothing is recorded."
    )
    name = escape(run.name)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        f"<title>{name}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{name}</h1><p>{escape(status_word(run.status))}, {run.step} of {run.steps} steps. "
        f"{escape(verdict)}</p>\n"
    )
