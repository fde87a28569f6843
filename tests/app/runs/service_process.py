"""A service in a process of its own, to be killed: `python -m … DATA`."""

import sys
import threading
from pathlib import Path

from app.logs import log_to_stderr
from tests.app.runs.small_runs import Service, settings_for

if __name__ == "__main__":
    log_to_stderr()
    service = Service(settings_for(Path(sys.argv[1])))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()
