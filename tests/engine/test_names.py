"""What the engine offers can be found, whether it has been asked for yet or not."""

import subprocess
import sys

NOT_LOADED_YET = """
import pydoc, sys, engine
assert "engine.results" not in sys.modules
assert set(engine.__all__) <= set(dir(engine))
print(pydoc.plain(pydoc.render_doc(engine)))
"""


def test_help_on_a_fresh_engine_tells_of_everything_it_offers() -> None:
    told = subprocess.run(
        [sys.executable, "-c", NOT_LOADED_YET], capture_output=True, text=True, check=True
    ).stdout
    assert "    class Verdict(" in told
    assert "\n    record(config:" in told
    assert "\n    trace(" in told
