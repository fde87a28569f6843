"""What may stand in no tracked file: other machines' names, this machine's folders."""

import re
from pathlib import Path

import pytest

from tests.architecture.tree import files, text, tracked

TEXTS = [path for path in tracked() if text(path)]
ADDRESS = re.compile(r"https?://(\[[0-9a-f:]+\]|[A-Za-z0-9][A-Za-z0-9.\-]*)")
# This machine, names without a dot, those that stand for "somebody else's" (RFC 2606, 6761), XML's
# name spaces, which are no places, and the one address that a licence demands beside the data.
ALLOWED = re.compile(
    r"^([a-z]+|127\.0\.0\.\d+|0\.0\.0\.0|localhost|\[::1?\]|www\.w3\.org|json-schema\.org|creativecommons\.org|"
    r"(.+\.)?(example|example\.com|example\.org|evil\.com|invalid|test))\.?(:\d*)?$"
)
# Folders of somebody's machine, and where this product is made.
MACHINE = re.compile(r"/(?:home|Users|root|work)/[\w.]|/tmp/gt\b|\.\./shared")
PATTERNS_THEMSELVES = Path(__file__).name


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_no_file_names_another_host(path: Path) -> None:
    hosts = {found.rstrip(".") for found in ADDRESS.findall(text(path))}
    assert not {host for host in hosts if not ALLOWED.match(host)}


@pytest.mark.parametrize("path", [p for p in TEXTS if p.name != PATTERNS_THEMSELVES], ids=str)
def test_no_file_names_a_folder_of_this_machine(path: Path) -> None:
    assert not MACHINE.search(text(path))


def test_no_file_holds_a_conflict_marker() -> None:
    marked = re.compile(r"^(<{7}|>{7}|\|{7}) ", flags=re.MULTILINE)
    assert [path for path in TEXTS if marked.search(text(path))] == []


PINNED = ["constraints.txt", "constraints-cluster.txt", "constraints-dev.txt"]


@pytest.mark.parametrize("name", PINNED)
def test_every_pinned_version_has_hashes_and_no_address(name: str) -> None:
    content = text(Path(name))
    assert "://" not in content
    assert not re.search(r"^\s*(-|--(?!hash))", content.replace("    --hash", "hash"), re.MULTILINE)
    for block in re.split(r"\n(?=\S)", content.strip()):
        assert re.match(r"[a-z0-9.\-]+==\S+", block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


def _pins(name: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9.\-]+)==(\S+)", text(Path(name)), flags=re.MULTILINE)
    return dict(found)


def test_tests_run_on_the_versions_that_users_get() -> None:
    runtime, cluster, dev = (_pins(name) for name in PINNED)
    assert runtime
    assert {name: cluster.get(name) for name in runtime} == runtime
    assert {name: dev.get(name) for name in cluster} == cluster


def test_every_front_end_file_has_its_place() -> None:
    assert {path.parts[1] for path in files("static", suffix="")} <= {"css", "js", "icons"}
