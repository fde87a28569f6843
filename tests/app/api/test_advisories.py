"""What went wrong in services like this one, each under the number of its advisory.

Those of hosts, origins and tokens are with the guards, those of pickles with the architecture.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import httpx
import pytest

from app.settings import Settings
from tests.app.api.conftest import SMALL, Trained
from tests.app.api.test_runs import RUNS, create
from tests.architecture.tree import ROOT

TRAVERSALS = [
    *(
        "..",
        "../..",
        "../../../../etc/passwd",
        "..\\..\\etc\\passwd",
        "/etc/passwd",
        "//etc/passwd",
    ),
    *("%2e%2e", "%2e%2e%2fetc%2fpasswd", "%252e%252e%252fetc%252fpasswd", "..%2f..%2fetc%2fpasswd"),
    *("..%5c..%5cetc", "....//....//etc/passwd", "..;/..;/etc/passwd", "C:/Windows/win.ini"),
    *("C:\\Windows", "\\\\host\\share", "file:///etc/passwd", "http://127.0.0.1/etc/passwd"),
    *("~root/.ssh", "${HOME}", "$(id)", "a#../../etc/passwd", "#/../../etc", "?../../etc/passwd"),
    *("a\0b", "%00", "..%00/", "%c0%ae%c0%ae%c0%af", "%e0%80%ae", "\uff0e\uff0e\uff0fetc", "‥/etc"),
    *(
        "./././.",
        ".",
        "...",
        "..\u2215etc",
        "..\u2044etc",
        "\u202e..",
        ".\u0301./etc",
        "con",
        "nul",
    ),
    *("gradtide.db", "token", "x" * 4000),
]
_opened: list[str] | None = None


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if (
        _opened is not None
        and event == "open"
        and isinstance(arguments[0], str | bytes | os.PathLike)
    ):
        _opened.append(os.fsdecode(arguments[0]))


sys.addaudithook(_note)  # there is no way to take one away: it notes while there is a list


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The paths of all files opened during a test."""
    global _opened
    _opened = []
    yield _opened
    _opened = None


def addresses(text: str, run: str) -> list[str]:
    """Return a text in every place of an address, as it is and with its signs encoded."""
    return [
        template.replace("{}", spelled).replace("{run}", run)
        for spelled in {text, quote(text, safe="")}
        for template in (
            f"{RUNS}/{{}}",
            f"{RUNS}/{{}}/statistics/loss",
            f"{RUNS}/{{run}}/statistics/{{}}",
            f"{RUNS}/{{run}}/checkpoints/{{}}",
            f"{RUNS}/{{run}}/figures/{{}}",
            f"{RUNS}/{{run}}/chain?parameter={{}}",
            f"{RUNS}/{{run}}/export?format={{}}",
            "/api/v1/datasets/{}",
            "/api/v1/models/{}",
            "/api/v1/sweeps/{}",
            "/api/v1/sweeps/{}/figures/sweep_matrix",
            "/api/v1/figures/{}",
            "/static/{}",
            "/static/vendor/{}",
        )
    ]


async def test_cve_2023_1177_no_spelling_of_a_path_reaches_a_file(
    reader: httpx.AsyncClient, trained: Trained, opened: list[str]
) -> None:
    for text in TRAVERSALS:
        for address in addresses(text, trained.succeeded):
            try:
                url = httpx.URL(address)
            except httpx.InvalidURL:
                continue
            if "/../" in unquote(str(url.path)) + "/":
                # As it is written: the client would resolve the dots itself.
                url = url.copy_with(raw_path=address.encode("utf-8", "replace"))
            answer = await reader.get(url)
            assert answer.status_code in (307, 400, 404, 406, 410, 414, 422) or (
                answer.headers["content-type"].startswith(("application/json", "text/html"))
                and "root:" not in answer.text
            ), (address, answer.status_code)
        for name in ("cursor", "format", "sort", "q", "tag", "cell"):
            answer = await reader.get(RUNS, params={name: text})
            assert answer.status_code < 500, (name, text)
    ours = [ROOT / name for name in ("static", "templates", "app", "engine")]
    # A chain is swept by compiled loops, which lie in a cache of their own.
    compiled = Path(os.environ.get("NUMBA_CACHE_DIR", Path.home() / ".cache")) / "gradtide"
    inside = [trained.data, *ours, compiled, Path(sys.prefix), Path(sys.base_prefix)]
    allowed = tuple(f"{os.path.realpath(path)}/" for path in inside)
    assert opened, "nothing was noted"
    assert [path for path in opened if not os.path.realpath(path).startswith(allowed)] == []


@pytest.mark.parametrize("text", TRAVERSALS[:20])
async def test_ghsa_5p3h_7fwh_92rc_a_name_is_no_path(
    client: httpx.AsyncClient, settings: Settings, text: str
) -> None:
    before = {path for path in settings.data.parent.rglob("*") if "arrays" not in path.parts}
    run = await create(client, name=text.replace("\0", ""), tags=[text.replace("\0", "")[:64]])
    exported = await client.get(f"{RUNS}/{run['id']}/export")
    after = {path for path in settings.data.parent.rglob("*") if "arrays" not in path.parts}
    disposition = exported.headers["content-disposition"]
    assert disposition == f'attachment; filename="{run["id"]}.npz"'
    assert {path for path in after - before if not path.name.startswith("gradtide.db")} == set()


@pytest.mark.parametrize("text", TRAVERSALS[:20])
async def test_ghsa_5p3h_7fwh_92rc_the_name_of_an_uploaded_file_is_no_path(
    client: httpx.AsyncClient, settings: Settings, text: str
) -> None:
    before = set(settings.data.parent.rglob("*"))
    answer = await client.post("/api/v1/datasets", files={"file": (text, "a,b\n1,2\n3,4\n")})
    made = answer.json()
    assert answer.status_code == 201, made
    after = {path for path in set(settings.data.parent.rglob("*")) - before if path.is_file()}
    kept = {path.relative_to(settings.data).parts for path in after}
    assert {parts for parts in kept if not parts[0].startswith("gradtide.db")} == {
        ("uploads", f"{made['id']}.safetensors")
    }


@pytest.mark.parametrize(
    "text",
    ["$(touch x)", "`id`", "{{7*7}}", "${7*7}", "%s%n", "'; DROP TABLE runs; --"],
)
async def test_cve_2023_48022_a_text_is_never_run(client: httpx.AsyncClient, text: str) -> None:
    run = await create(client, name=text, tags=[text])
    noted = await client.patch(f"{RUNS}/{run['id']}", json={"notes": text})
    listed = (await client.get(RUNS, params={"tag": text})).json()["items"]
    found = noted.json()
    assert (found["name"], found["tags"], found["notes"]) == (text, [text], text)
    assert [each["id"] for each in listed] == [run["id"]]


async def test_cve_2025_0453_a_cheap_request_has_no_dear_answer(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    refused = {
        "a page too long": await reader.get(RUNS, params={"limit": 201}),
        "too many runs": await reader.get(
            "/api/v1/compare", params={"run": [trained.succeeded] * 21}
        ),
        "too many streams in one": await reader.get("/api/v1/events", params={"run": ["x"] * 101}),
        "a list of configurations": await reader.post(RUNS, json=[SMALL] * 100),
    }
    assert {name: answer.status_code for name, answer in refused.items()} == dict.fromkeys(
        refused, 422
    )


async def test_cve_2025_62727_many_ranges_are_answered_at_once(client: httpx.AsyncClient) -> None:
    ranges = ",".join(f"{i}-{i}" for i in range(0, 4000, 2))
    answer = await client.get("/static/css/base.css", headers={"Range": f"bytes={ranges}"})
    assert answer.status_code in (200, 206, 400, 416)
    assert answer.elapsed.total_seconds() < 1


async def test_cve_2023_30798_a_form_of_thousands_of_parts_is_refused_unread(
    client: httpx.AsyncClient,
) -> None:
    parts = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%d"\r\n\r\n1\r\n' % i for i in range(5000)
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Origin": "http://127.0.0.1:8000"}
    for path in ("/login", "/runs/new", RUNS):
        answer = await client.post(path, content=parts + b"--x--\r\n", headers=headers)
        assert 400 <= answer.status_code < 500, (path, answer.status_code)


async def test_cve_2023_29159_static_files_end_at_their_folder(client: httpx.AsyncClient) -> None:
    base = httpx.URL("http://127.0.0.1:8000/")
    paths = ["/static/../app/main.py", "/static/..%2fapp%2fmain.py", "/static../app/main.py"]
    answers = [
        (await client.get(base.copy_with(raw_path=path.encode()))).status_code for path in paths
    ]
    assert set(answers) == {404}


def listening() -> set[str]:
    """Return the addresses that this process listens on."""
    mine = {
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in os.listdir("/proc/self/fd")
        if fd.isdecimal() and os.path.exists(f"/proc/self/fd/{fd}")
    }
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in mine:  # 0A: LISTEN
                raw = bytes.fromhex(fields[1].partition(":")[0])
                words = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
                found.add(socket.inet_ntop(family, words))
    return found


LISTEN = """
import sys, time, os
from pathlib import Path
from tests.app.api.conftest import SMALL, settings_of
from tests.app.api.test_advisories import listening
from tests.app.api.test_events import Server
from app.client import Client
if __name__ == "__main__":
    with Server(settings_of(Path(sys.argv[1]), workers=1)) as server, Client(server.url) as client:
        run = client.create_run(SMALL)
        client.wait(run["id"], timeout=60)
        print(sorted(listening()))
"""


def test_cve_2021_42343_all_that_listens_is_loopback(tmp_path: Path) -> None:
    script = tmp_path / "listen.py"
    script.write_text(LISTEN)
    result = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "data")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["."])},
        check=False,
    )
    assert result.stdout == "['127.0.0.1']\n", result.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_tensorboard_issue_2387_other_machines_need_a_token(host: str, tmp_path: Path) -> None:
    bare = Settings(_env_file=None, data=tmp_path, host=host)  # type: ignore[call-arg]  # pydantic-settings' own keyword
    with pytest.raises(ValueError, match=f"refusing to listen on {host} without a token"):
        bare.require_safe_address()
    for allowed in ({"token": "secret"}, {"make_token": True}, {"insecure": True}):
        assert bare.model_copy(update=allowed).require_safe_address()


def test_tensorboard_issue_2387_the_default_is_loopback(tmp_path: Path) -> None:
    assert Settings(_env_file=None, data=tmp_path).is_loopback  # type: ignore[call-arg]  # as above
