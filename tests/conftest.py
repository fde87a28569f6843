"""What every test may use, and what holds for the whole run of the tests."""

import importlib.util
import os

# Before NumPy is imported: sums depend on the number of threads, and two cores are shared.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402  # reads the variables above
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# A busy machine is no failure: no test holds a time.
settings.register_profile("gradtide", deadline=None)
settings.load_profile("gradtide")

# Here a test's fate hangs on other processes, too, and a machine may keep one of them waiting for
# seconds. A second try is counted in pytest's last line; what is wrong fails twice.
OF_MANY_PROCESSES = ("tests/app/runs", "tests/app/cli", "tests/browser", "tests/image")
SECOND_TRY = pytest.mark.flaky(reruns=1)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a CI run in which the comparison with PyTorch would be silently absent."""
    if os.environ.get("CI") == "true" and importlib.util.find_spec("torch") is None:
        raise pytest.UsageError("CI=true, but torch is not installed: .ci/run installs it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark and order the browser's tests, and skip PyTorch's where it is not installed."""
    without_torch = pytest.mark.skip(reason="torch is not installed")
    torch_is_here = importlib.util.find_spec("torch") is not None
    for item in items:
        if item.path.is_relative_to(config.rootpath / "tests" / "browser"):
            item.add_marker(pytest.mark.browser)
        if any(item.path.is_relative_to(config.rootpath / folder) for folder in OF_MANY_PROCESSES):
            item.add_marker(SECOND_TRY)
        if item.get_closest_marker("torch") and not torch_is_here:
            item.add_marker(without_torch)
    # Playwright's synchronous driver leaves its event loop marked as running in this thread, in
    # which no asyncio test can start: so the browser comes last, in whatever order it was asked.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture
def rng() -> np.random.Generator:
    """A random source of the test's own."""
    return np.random.default_rng(20260207)
