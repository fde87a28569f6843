"""What the service says of itself on standard error."""

import subprocess
import sys

SCRIPT = """
import structlog
from app.logs import log_to_stderr

def connect(password):
    raise OSError("nobody answers")

log_to_stderr()
try:
    connect("a secret of the database")
except OSError:
    structlog.get_logger().exception("it stumbles")
"""


def test_a_traceback_in_the_log_tells_no_values() -> None:
    # A process of its own: how a process logs is set once.
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert "it stumbles" in done.stderr
    assert "OSError: nobody answers" in done.stderr
    assert "secret" not in done.stderr.replace('connect("a secret of the database")', "")
    assert not done.stdout
