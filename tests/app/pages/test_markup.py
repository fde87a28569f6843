"""Every page is valid HTML: parsed without error, its names unique, its labels of one control."""

from collections import Counter
from xml.etree.ElementTree import Element

import html5lib
import httpx
import pytest

from app.main import create_app
from app.pages.lessons import LESSONS
from tests.app.api.conftest import SMALL, Trained, serving, settings_of

PAGES = [
    "/",
    "/?q=nothing-of-that-name",
    "/runs/new",
    "/runs/new?preset=no-such",
    "/sweeps",
    "/sweeps/new",
    "/datasets",
    "/models",
    "/glossary",
    "/activations",
    "/compare",
    "/learn",
    "/no-such-page",
    *(f"/learn/{lesson}" for lesson in LESSONS),
]
TABS = ["", "?tab=training", "?tab=paths", "?tab=jacobians", "?tab=activations", "?tab=parameters"]
LABELABLE = {"button", "input", "meter", "output", "progress", "select", "textarea"}
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "list", "form")


def faults_of(page: str) -> list[str]:
    """What is wrong with a page, in one line each."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    document = parser.parse(page)
    found = [f"{at}: {code} {data}" for at, code, data in parser.errors]
    names = Counter(element.get("id") for element in document.iter() if element.get("id"))
    found += [f"id {name} stands {count} times" for name, count in names.items() if count > 1]
    for element in document.iter():
        found += [
            f"{element.tag} {attribute}={name}: nothing has that id"
            for attribute in REFERENCES
            for name in (element.get(attribute) or "").split()
            if name not in names
        ]
    return found + [
        f"label {''.join(label.itertext()).strip()!r} is of {len(controls)} controls"
        for label in document.iter("label")
        if len(controls := controls_of(label)) > 1
    ]


def controls_of(label: Element) -> list[str]:
    return [
        str(element.tag)
        for element in label.iter()
        if element.tag in LABELABLE and element.get("type") != "hidden"
    ]


@pytest.mark.parametrize(
    ("page", "word"),
    [
        ("<!doctype html><title>t</title><p><div></p>", "unexpected-end-tag"),
        ("<!doctype html><title>t</title><p id=a><p id=a>", "id a stands 2 times"),
        ("<!doctype html><title>t</title><label for=b>x</label>", "nothing has that id"),
        ("<!doctype html><title>t</title><label><input><output></label>", "of 2 controls"),
    ],
)
def test_a_fault_is_found(page: str, word: str) -> None:
    assert any(word in fault for fault in faults_of(page))


@pytest.mark.parametrize("address", PAGES)
async def test_a_page_is_valid(reader: httpx.AsyncClient, address: str) -> None:
    answer = await reader.get(address, headers={"Accept": "text/html"})
    assert faults_of(answer.text) == []


@pytest.mark.parametrize("outcome", ["succeeded", "diverged", "classified"])
async def test_the_pages_of_a_run_are_valid(
    reader: httpx.AsyncClient, trained: Trained, outcome: str
) -> None:
    run = getattr(trained, outcome)
    for address in (*(f"/runs/{run}{tab}" for tab in TABS), f"/runs/{run}/remedies"):
        answer = await reader.get(address)
        assert (answer.status_code, faults_of(answer.text)) == (200, []), address


async def test_a_comparison_is_valid(reader: httpx.AsyncClient, trained: Trained) -> None:
    runs = (trained.succeeded, trained.classified)
    answer = await reader.get("/compare?" + "&".join(f"run={run}" for run in runs))
    assert (answer.status_code, faults_of(answer.text)) == (200, [])


async def test_a_report_is_valid(reader: httpx.AsyncClient, trained: Trained) -> None:
    answer = await reader.get(f"/api/v1/runs/{trained.succeeded}/export?format=html")
    # plotly.js holds two code points of no character in a pattern of its own.
    found = [fault for fault in faults_of(answer.text) if "invalid-codepoint" not in fault]
    assert (answer.status_code, found) == (200, [])


async def test_pages_of_what_waits_are_valid(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with serving(create_app(settings_of(tmp_path_factory.mktemp("waiting")))) as client:
        run = (await client.post("/api/v1/runs", json=SMALL)).json()["id"]
        grid = {"base": SMALL, "axes": {"model.activation": ["tanh", "relu"], "seed": [0, 1]}}
        sweep = (await client.post("/api/v1/sweeps", json=grid)).json()["id"]
        for address in ("/", f"/runs/{run}", "/sweeps", f"/sweeps/{sweep}"):
            answer = await client.get(address)
            assert (answer.status_code, faults_of(answer.text)) == (200, []), address
