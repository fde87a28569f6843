"""Pages are read over the runs that the API's tests read, and through its client."""

from tests.app.api.conftest import client, reader, settings, trained

__all__ = ["client", "reader", "settings", "trained"]
