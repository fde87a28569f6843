"""Put a Chromium on this machine: Debian's where root and apt are, else Playwright's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The second is what the Node within Playwright needs, and the smallest Debian lacks.
PACKAGES = ("chromium", "libatomic1")


def driver_starts() -> bool:
    """Tell whether what Playwright drives a browser with runs on this machine."""
    told = subprocess.run([sys.executable, "-m", "playwright", "--version"], capture_output=True)
    return told.returncode == 0


def find() -> str | None:
    """Return the path of a Chromium on this machine, or nothing."""
    if named := os.environ.get("CHROMIUM"):
        return named if Path(named).exists() else None
    for name in NAMES:
        if path := shutil.which(name):
            return path
    if not driver_starts():
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> None:
    """Install one by the first way that this machine has."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", *PACKAGES]):
            subprocess.run(["apt-get", *command], check=True, env=environment)
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)


def main() -> int:
    """Find a browser or install one; say so and fail where neither works."""
    if driver_starts() and find():
        return 0
    try:
        install()
    except subprocess.CalledProcessError as err:
        sys.stderr.write(f"installing Chromium failed: {err}\n")
    if not driver_starts():
        sys.stderr.write(
            "The browser tests need Playwright's driver, which does not start here; "
            "`python -m playwright --version` says why (often libatomic is missing).\n"
        )
        return 1
    if find():
        return 0
    sys.stderr.write(
        "The browser tests need Chromium: none was found or could be installed. "
        "Install it by hand, or name it: CHROMIUM=/path/to/chromium make test\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
