"""The README's loop is run as it stands, against a service of its own."""

import contextlib
import io
import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tests.app.capture.served import Served  # noqa: E402  # after importorskip
from tests.architecture.tree import text  # noqa: E402

pytestmark = pytest.mark.torch

SECTION = text(Path("README.md")).partition("does not learn: what now?\n")[2].partition("\n## ")[0]
(PROGRAM,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)


def test_the_readmes_loop_is_watched(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    program = PROGRAM.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{served.port}")
    printed, names = io.StringIO(), {"__name__": "__main__"}
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "README.md", "exec"), names)
    assert printed.getvalue() == "looked at 4 steps, 4 arrived\n"
    (run,) = served.client.runs()
    assert (run["name"], run["status"]) == ("my LSTM", "succeeded")
