"""Queues the starter comparison, so that a first start shows something."""

from app.runs.service import described
from app.runs.starter import starter_configurations
from app.settings import Settings
from app.store import open_store
from app.store.run_table import NewRun


def queue_starter(settings: Settings) -> int:
    """Queue the comparison where no run is stored; return how many were queued."""
    store = open_store(settings)
    try:
        if store.runs.count():
            return 0
        configurations = starter_configurations()
        # The keys keep two servers that start at once from queueing it twice.
        store.runs.create_all(
            [NewRun(*described(config), f"starter: {config['name']}") for config in configurations]
        )
        return len(configurations)
    finally:
        store.close()
