"""Run the benchmarks: `python -m benchmarks [--full] [--json FILE] [--only NAME …]`."""

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

from benchmarks import ours, paired, report, theirs, workloads  # noqa: E402

RESULTS = Path(__file__).parent / "results"
BATCHES = 16
PRICED_STEPS = 15


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="other sizes, too")
    parser.add_argument("--rounds", type=int, default=paired.ROUNDS, help="pairs a workload")
    parser.add_argument("--only", nargs="*", help="names such as tanh/adding")
    parser.add_argument("--json", type=Path, help="where the figures go")
    arguments = parser.parse_args()
    chosen = workloads.GATED + (workloads.FULL if arguments.full else ())
    lines = []
    for workload in chosen:
        if arguments.only and workload.name not in arguments.only:
            continue
        lines.append(measure(workload, arguments.rounds))
        print(report.table(lines[-1:]).splitlines()[-1], flush=True)
    name = "full.json" if arguments.full else "gated.json"
    report.write(lines, arguments.json or RESULTS / name)
    print()
    print(report.table(lines))


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
