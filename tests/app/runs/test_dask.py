"""The same runs by Dask's workers: a scheduler and two workers of this machine, on loopback."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.runs.places import Place, why_unfit
from app.settings import Settings
from app.store import Run, Store, open_store
from tests.app.runs.dask_cluster import DaskCluster, free_port
from tests.app.runs.small_runs import (
    Service,
    configuration,
    endless,
    eventually,
    require_same_bits,
    settings_for,
    status_is,
)
from tests.app.runs.test_workers import frames
from tests.architecture.tree import ROOT

LONG_PATIENCE = 240.0  # five processes share the processors here


def lasting() -> dict[str, Any]:
    """Return a run that ends, but not before it was looked at a few times."""
    return configuration(steps=3000, every=60)


def ends_well(store: Store, run: Run, config: dict[str, Any]) -> None:
    eventually(status_is(store, run.id, "succeeded", "failed"), LONG_PATIENCE)
    require_same_bits(store, run.id, config)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dask") / "data"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[DaskCluster]:
    settings = {"DATA": str(folder), "LEASE": "4", "CHECKPOINT_SECONDS": "0.2"}
    made = DaskCluster(folder.parent, {f"GRADTIDE_{k}": v for k, v in settings.items()})
    yield made
    made.close()


def settings_of(folder: Path, cluster: DaskCluster) -> Settings:
    return settings_for(folder, executor="dask", dask_address=cluster.address)


@pytest.fixture(scope="module")
def running(folder: Path, cluster: DaskCluster) -> Iterator[Service]:
    service = Service(settings_of(folder, cluster))
    yield service
    service.close()


@pytest.fixture
def service(running: Service, cluster: DaskCluster) -> Iterator[Service]:
    """Return the module's service, with both its workers there."""
    cluster.restart_ended()
    eventually(lambda: running.executor.is_alive, LONG_PATIENCE)
    yield running
    for run in running.store.runs.page()[0]:
        running.runs.cancel_unless_over(run.id)
    eventually(lambda: not running.store.runs.count("running"), LONG_PATIENCE)


def worker_of(cluster: DaskCluster, pid: int) -> subprocess.Popen[bytes]:
    return next(worker for worker in cluster.workers if worker.pid == pid)


def test_dasks_workers_train_to_the_same_bits(service: Service) -> None:
    configs = [configuration(seed=seed) for seed in range(3)]
    made = [service.runs.create(config)[0] for config in configs]
    for run, config in zip(made, configs, strict=True):
        ends_well(service.store, run, config)


def test_a_killed_dask_worker_is_found_by_its_lease_and_its_run_keeps_its_bits(
    service: Service, cluster: DaskCluster
) -> None:
    config = lasting()
    run, _ = service.runs.create(config)
    pid = service.worker_pid(run.id)
    eventually(lambda: frames(service.store, run.id) >= 3)
    worker_of(cluster, pid).kill()
    eventually(lambda: service.store.runs.get(run.id).attempt == 2)
    ends_well(service.store, run, config)


def test_a_dask_worker_that_is_asked_to_end_saves_its_run(
    service: Service, cluster: DaskCluster
) -> None:
    config = lasting()
    run, _ = service.runs.create(config)
    worker = worker_of(cluster, service.worker_pid(run.id))
    eventually(lambda: frames(service.store, run.id) >= 2)
    worker.terminate()
    ends_well(service.store, run, config)
    statuses = [
        event.data["status"]
        for event in service.store.events.after(0, [run.id])
        if event.kind == "status"
    ]
    # Given back and not lost: it waited for no lease.
    assert statuses[1:5] == ["running", "interrupted", "queued", "running"]
    reasons = [event.data.get("reason") for event in service.store.events.after(0, [run.id])]
    assert set(reasons) == {None}


def test_a_run_of_a_dask_worker_is_cancelled_and_stays_readable(service: Service) -> None:
    run, _ = service.runs.create(endless())
    eventually(lambda: frames(service.store, run.id) >= 2)
    service.runs.cancel(run.id)
    eventually(status_is(service.store, run.id, "cancelled"))
    found = service.store.arrays.read(run.id, "hidden_gradient_norm")
    assert len(found.values) == frames(service.store, run.id) >= 2


def test_a_run_goes_on_while_its_service_is_away(folder: Path, cluster: DaskCluster) -> None:
    cluster.restart_ended()
    first = Service(settings_of(folder, cluster))
    config = lasting()
    run, _ = first.runs.create(config)
    eventually(lambda: frames(first.store, run.id) >= 1)
    first.close()
    store = open_store(settings_for(folder))
    assert store.runs.get(run.id).status in ("running", "succeeded")
    ends_well(store, run, config)
    assert store.runs.get(run.id).attempt == 1
    store.close()


def test_cve_2021_42343_dask_listens_on_loopback_alone(
    service: Service, cluster: DaskCluster
) -> None:
    assert service.executor.is_alive
    listening = [
        connection.laddr.ip
        for process in (*cluster.processes(), psutil.Process())
        for connection in psutil.Process(process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3
    assert {address for address in listening if not address.startswith("127.")} == set()


# --- what is refused ------------------------------------------------------------------------------


def test_a_worker_with_other_data_is_refused_before_the_service_starts(
    folder: Path, cluster: DaskCluster, tmp_path: Path
) -> None:
    cluster.restart_ended()
    there = Service(settings_of(folder, cluster))  # its workers are up when it is
    eventually(lambda: there.executor.is_alive, LONG_PATIENCE)
    there.close()
    other = open_store(settings_for(tmp_path))
    other.close()
    command = [sys.executable, "-m", "app.cli", "serve", "--port", "0", "--executor", "dask"]
    command += ["--dask-address", cluster.address, "--data", str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert refused.returncode == 1
    assert "it has another data folder: give it the service's GRADTIDE_DATA" in refused.stderr


HERE = Place(version="1", host="a", folder=(1, 2), arrays_url=None, pinned=True)


@pytest.mark.parametrize(
    ("worker", "needs_one_host", "reason"),
    [
        (HERE, True, None),
        (replace(HERE, host="b", folder=(3, 4)), False, None),
        (replace(HERE, host="b"), True, "it is on another machine"),
        (replace(HERE, folder=(1, 3)), True, "it has another data folder"),
        (replace(HERE, folder=None), True, "it has another data folder"),
        (
            replace(HERE, arrays_url="s3://b"),
            False,
            "its GRADTIDE_ARRAYS_URL is s3://b,",
        ),
        (replace(HERE, version="2"), False, "it has gradtide 2, the service 1"),
        (replace(HERE, pinned=False), False, "it must be started with OPENBLAS_NUM_THREADS=1"),
    ],
)
def test_a_worker_is_refused_for_what_it_cannot_do(
    worker: Place, needs_one_host: bool, reason: str | None
) -> None:
    found = why_unfit(worker, HERE, needs_one_host=needs_one_host)
    assert (found is None) == (reason is None)
    assert (found or "").startswith(reason or "")


def test_dask_without_an_address_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["serve", "--executor", "dask", "--data", str(tmp_path)])
    assert result.exit_code == 2
    assert "dask_address: expected the address of a Dask scheduler" in result.output
    assert not (tmp_path / "gradtide.db").exists()


def test_dask_without_its_extra_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    options = ["--executor", "dask", "--dask-address", "tcp://127.0.0.1:1"]
    result = CliRunner().invoke(app, ["serve", "--port", "0", *options, "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "executor=dask needs the extra `dask`: pip install 'gradtide[dask]'" in result.output


def test_a_service_waits_for_a_scheduler_that_comes_later(tmp_path: Path) -> None:
    nobody = f"tcp://127.0.0.1:{free_port()}"
    service = Service(settings_for(tmp_path, executor="dask", dask_address=nobody))
    try:
        service.executor.prepare()
        run, _ = service.runs.create(configuration())
        assert not service.runs.is_ready
        assert service.store.runs.get(run.id).status == "queued"
    finally:
        service.close()


def test_one_module_alone_knows_dask() -> None:
    grep = ["git", "grep", "-il", "dask", "--", "app"]
    found = subprocess.run(grep, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert set(found.split()) == {"app/cli.py", "app/runs/cluster.py", "app/settings.py"}
