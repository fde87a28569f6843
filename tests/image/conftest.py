"""The container image, built and run without a container engine.

A Debian bootstrapped from packages stands in for the base image (the same Debian, the same minor
version of Python); buildah builds the unchanged Dockerfile on it; bubblewrap runs the result with
a read-only root, as the user that the image names.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.tree import ROOT

TOOLS = ("debootstrap", "buildah", "bwrap", "setpriv")
BASE = "docker.io/library/python:3.11-slim-bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
# This machine's way to the package index, lent to the build and not baked in.
LENT = (Path("/etc/pip.conf"), Path("/etc/ssl/certs"))


def missing() -> str | None:
    """Return why the image cannot be built here, or nothing."""
    if os.geteuid() != 0:
        return "building the image needs root"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"building the image needs {', '.join(absent)}" if absent else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """A built image: its configuration and its files."""

    config: dict[str, Any]
    tree: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the image sets."""
        return dict(item.split("=", 1) for item in self.config["Env"])

    @property
    def user(self) -> list[str]:
        """The user and group numbers that it runs as."""
        return str(self.config["User"]).split(":")

    def command(self, data: Path, program: Sequence[str], **environment: str) -> list[str]:
        """Return how to run a program in it: read-only root, /data and a fresh /tmp to write."""
        setting = [
            word
            for name, value in (self.environment | environment).items()
            for word in ("--setenv", name, value)
        ]
        user, group = self.user
        return [
            *("bwrap", "--die-with-parent", "--clearenv", *setting),
            *("--ro-bind", str(self.tree), "/", "--proc", "/proc", "--dev", "/dev"),
            *("--tmpfs", "/tmp", "--bind", str(data), "/data", "--chdir", "/data"),
            *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"),
            *("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", *program),
        ]


class Buildah:
    """buildah with a store of its own, so that it leaves nothing on the machine."""

    def __init__(self, folder: Path) -> None:
        self.store = [
            *("--root", str(folder / "storage"), "--runroot", str(folder / "run")),
            *("--storage-driver", "vfs"),
        ]

    def __call__(self, command: str, *arguments: str) -> str:
        done = subprocess.run(
            ["buildah", *self.store, command, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout.strip()


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Build the image once; take it down afterwards, it is a gigabyte."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("image")
    base = folder / "base"
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(base)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    buildah = Buildah(folder)
    scratch = buildah("from", "scratch")
    buildah("add", "--quiet", scratch, str(base), "/")
    buildah("commit", "--quiet", "--rm", scratch, BASE)
    shutil.rmtree(base)
    lent = [word for p in LENT if p.exists() for word in ("--volume", f"{p}:{p}:ro")]
    build = ["--isolation", "chroot", "--network", "host", "--pull=never", "--format", "docker"]
    buildah("bud", *build, *lent, "--tag", "gradtide", ".")
    container = buildah("from", "--pull=never", "gradtide")
    config = json.loads(buildah("inspect", "--type", "image", "gradtide"))["Docker"]["config"]
    yield Image(config=config, tree=Path(buildah("mount", container)))
    buildah("umount", container)
    shutil.rmtree(folder)
