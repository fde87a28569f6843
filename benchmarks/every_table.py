"""The benchmarks that are a table each: one line for one more."""

from collections.abc import Mapping
from types import MappingProxyType

from benchmarks import (
    cheap,
    growth,
    jacobians,
    log_scaling,
    long_sequences,
    matrix,
    processes,
    stored_runs,
    threads,
)
from benchmarks.tables import Table

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            matrix.TABLE,
            jacobians.TABLE,
            growth.TABLE,
            cheap.TABLE,
            long_sequences.TABLE,
            log_scaling.TABLE,
            processes.START_UP,
            processes.MEMORY,
            processes.TWO_AT_ONCE,
            stored_runs.TABLE,
            threads.TABLE,
        )
    }
)
