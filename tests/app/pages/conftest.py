"""Pages are read over the runs that the API's tests read."""

from tests.app.api.conftest import reader, trained

__all__ = ["reader", "trained"]
