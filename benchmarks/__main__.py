"""Run the benchmarks: `python -m benchmarks [TABLE … | --full | --peers] [--json FILE]`.

Without anything: training with recording beside PyTorch's fused layers. A table is one of
benchmarks.every_table; each is printed, and kept in results/.
"""

import argparse
import importlib.util
import os
import sys
from pathlib import Path

# Before NumPy and PyTorch are imported: both read these once.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

if importlib.util.find_spec("torch") is None:
    sys.exit("The benchmarks measure against PyTorch: install torch into this environment first.")

from benchmarks import ours, paired, peers, report, sizes, theirs, workloads  # noqa: E402
from benchmarks.every_table import TABLES  # noqa: E402
from benchmarks.tables import RESULTS  # noqa: E402
from engine.compiled import why_plain  # noqa: E402

BATCHES = 16
PRICED_STEPS = 15


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("tables", nargs="*", help=f"any of {', '.join(TABLES)}")
    parser.add_argument("--full", action="store_true", help="other sizes, too")
    parser.add_argument("--peers", action="store_true", help="six sizes, beside three rivals")
    parser.add_argument("--rounds", type=int, help="turns; each table has its own default")
    parser.add_argument("--only", nargs="*", help="names such as tanh/adding")
    parser.add_argument("--json", type=Path, help="where the figures go")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.tables if name not in TABLES]
    if unknown:
        parser.error(f"unknown table {unknown[0]!r}; known: {', '.join(TABLES)}")
    for name in arguments.tables:
        table = TABLES[name]
        rows = table.measure(arguments.rounds or table.rounds)
        table.write(rows, arguments.json)
        print(f"{name}\n{table.markdown(rows)}\n", flush=True)
    rounds = arguments.rounds or paired.ROUNDS
    if arguments.peers:
        name = "peers_plain.json" if why_plain() else "peers.json"
        beside_peers(rounds, arguments.only, arguments.json or RESULTS / name)
    if not (arguments.tables or arguments.peers):
        beside_fused(arguments, rounds)


def beside_fused(arguments: argparse.Namespace, rounds: int) -> None:
    """Measure training with recording beside PyTorch's fused layers."""
    chosen = workloads.GATED + (workloads.FULL if arguments.full else ())
    lines = []
    for workload in chosen:
        if arguments.only and workload.name not in arguments.only:
            continue
        lines.append(measure(workload, rounds))
        print(report.table(lines[-1:]).splitlines()[-1], flush=True)
    name = "full.json" if arguments.full else "gated.json"
    report.write(lines, arguments.json or RESULTS / name)
    print()
    print(report.table(lines))


def beside_peers(rounds: int, only: list[str] | None, path: Path) -> None:
    """Measure the six sizes beside PyTorch, fused and by steps, and JAX where it is installed."""
    rivals = {"F": peers.fused, "R": peers.by_steps}
    if importlib.util.find_spec("jax") is not None:
        rivals["J"] = peers.scanned
    rows = []
    for size in sizes.SIZES:
        for cell in peers.LAYERS:
            if only and f"{cell}/{size.name}" not in only:
                continue
            data = size.data()
            programs = [rival(size, cell, data) for rival in rivals.values()]
            found = paired.measure_all(peers.ours(size, cell, data), programs, rounds)
            rows.append(report.PeerRow(size, cell, dict(zip(rivals, found, strict=True))))
            print(report.peers_table(rows[-1:]).splitlines()[-1], flush=True)
            report.write_peers(rows, path)
    print()
    print(report.peers_table(rows))


def measure(workload: workloads.Workload, rounds: int) -> report.Line:
    """Return the figures of one workload."""
    batches = ours.batches(workload, BATCHES)
    found = paired.measure(
        ours.recorded_training(workload), theirs.training(workload, batches), rounds
    )
    _, look = ours.prices(workload, PRICED_STEPS, **ours.FULLY)
    return report.Line(
        workload=workload, paired=found, look=look, probe=ours.prices(workload, PRICED_STEPS)
    )


if __name__ == "__main__":
    main()
