"""Ensembles: which runs are trained side by side, and where each stands among them."""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.database import Database
from app.store.tables import LARGEST_ENSEMBLE, ensemble_runs


class EnsembleTable:
    """Ensembles by any of their runs."""

    def __init__(self, database: Database) -> None:
        """Read and write the ensembles of a database."""
        self._database = database

    def create_in(self, connection: Connection, run_ids: Sequence[str]) -> str:
        """Put runs side by side, in this order, as a part of a transaction; return its id."""
        if not 1 < len(run_ids) <= LARGEST_ENSEMBLE:
            raise ValueError(f"expected 2 to {LARGEST_ENSEMBLE} runs, got {len(run_ids)}")
        ensemble_id = str(uuid.uuid4())
        places = [
            {"ensemble_id": ensemble_id, "place": place, "run_id": run_id}
            for place, run_id in enumerate(run_ids)
        ]
        connection.execute(sa.insert(ensemble_runs), places)
        return ensemble_id

    def beside(self, run_id: str) -> list[str | None]:
        """Return the runs by place that a run is trained beside, itself included.

        Returns:
            None where a run was deleted; the run alone where it is in no ensemble.
        """
        own = ensemble_runs.alias()
        query = (
            sa.select(ensemble_runs.c.run_id)
            .join(own, own.c.ensemble_id == ensemble_runs.c.ensemble_id)
            .where(own.c.run_id == run_id)
            .order_by(ensemble_runs.c.place)
        )
        with self._database.read() as connection:
            return list(connection.scalars(query)) or [run_id]
