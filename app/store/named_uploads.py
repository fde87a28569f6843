"""The uploads that a configuration names, looked for in the transaction that queues its run.

A deletion and the making of a run each hold the write lock: one of them comes first, and the other
is refused. No run is left whose data are gone.
"""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.errors import WORDS
from app.store.tables import uploads
from engine import ConfigError, Problem

PLACES: Final = {"dataset": ("task", "dataset"), "model": ("model", "from_model")}
"""Where a configuration names what."""


def require_uploads(connection: Connection, config: Mapping[str, Any]) -> None:
    """Refuse a configuration that names an upload that is not there any more.

    Raises:
        ConfigError: A data set or a model is gone.
    """
    faults = []
    for resource, (section, field) in PLACES.items():
        named = config.get(section, {}).get(field)
        if named is None:
            continue
        query = sa.select(uploads.c.id).where(uploads.c.id == named, uploads.c.resource == resource)
        if connection.scalar(query) is None:
            detail = f"no {WORDS.get(resource, resource)} {named!r}"
            faults.append(Problem(f"/{section}/{field}", detail))
    if faults:
        raise ConfigError(faults)
