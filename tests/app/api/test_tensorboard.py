"""A run as TensorBoard reads it: its curves and histograms, by tag and training step."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google_crc32c
import httpx
import numpy as np
import pytest

from app import event_file, tensorboard
from app.exports import EXPORTS
from app.main import create_app
from tests.app.api.conftest import SMALL, Trained, changed, serving, settings_of, train_into
from tests.app.api.test_export import exported, stored

KEPT = [
    "parameter_gradient_histogram",
    "preactivation_histogram",
    "gain_factors",
    "weight_geometry",
]


def records(content: bytes) -> Iterator[bytes]:
    """Yield the events of a file, both checksums of each held against it."""
    at = 0
    while at < len(content):
        head, check = content[at : at + 8], content[at + 8 : at + 12]
        (length,) = struct.unpack("<Q", head)
        event = content[at + 12 : at + 12 + length]
        assert masked(head) == check
        assert masked(event) == content[at + 12 + length : at + 16 + length]
        yield event
        at += 16 + length


def masked(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32)


def fields(message: bytes) -> dict[int, list[Any]]:
    """Return the fields of a protocol buffer by number: ints, floats, bytes."""
    found: dict[int, list[Any]] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        number = shift = 0
        while True:
            byte = message[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while at < len(message):
        key = varint()
        value: Any
        if key & 7 == 0:
            value = varint()
        elif key & 7 == 2:
            size = varint()
            value, at = message[at : at + size], at + size
        else:
            code, size = ("<d", 8) if key & 7 == 1 else ("<f", 4)
            (value,) = struct.unpack_from(code, message, at)
            at += size
        found.setdefault(key >> 3, []).append(value)
    return found


def values_of(content: bytes) -> dict[str, dict[int, dict[int, list[Any]]]]:
    """Return tag -> training step -> fields of the value."""
    found: dict[str, dict[int, dict[int, list[Any]]]] = {}
    events = [fields(event) for event in records(content)]
    assert events[0][3] == [b"brain.Event:2"]
    for event in events[1:]:
        for value in fields(event[5][0])[1]:
            told = fields(value)
            found.setdefault(told[1][0].decode(), {})[event[2][0]] = told
    return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that records histograms."""
    data = tmp_path_factory.mktemp("tensorboard")
    return data, train_into(data, changed(SMALL, recording={"statistics": KEPT}))


async def test_series_are_curves_with_their_own_numbers(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    found = values_of(await exported(reader, trained.diverged, "tensorboard"))
    whole = stored(trained.data, trained.diverged)
    loss = np.array([found["loss"][step][2][0] for step in sorted(found["loss"])])
    np.testing.assert_array_equal(loss, whole["loss"].astype(np.float32))
    assert not np.isfinite(loss[-1])
    for at, name in enumerate(["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"]):
        of = found[f"parameter_gradient_norm/{name}"]
        mine = np.array([of[step][2][0] for step in sorted(of)], np.float32)
        np.testing.assert_array_equal(
            mine, whole["parameter_gradient_norm"][:, at].astype(np.float32)
        )


async def test_a_statistic_over_time_is_a_histogram_at_each_frame(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    found = values_of(await exported(reader, trained.succeeded, "tensorboard"))
    norms = stored(trained.data, trained.succeeded)["hidden_gradient_norm"]
    of = found["hidden_gradient_norm/layer 1"]
    assert sorted(of) == [0, 2, 4, 6]
    histogram = fields(of[2][5][0])
    row = norms[1, 1]
    assert histogram[1][0] == pytest.approx(row.min())
    assert histogram[2][0] == pytest.approx(row.max())
    assert histogram[3][0] == row.size
    counts = np.frombuffer(histogram[7][0], "<f8")
    limits = np.frombuffer(histogram[6][0], "<f8")
    assert len(counts) == len(limits) == tensorboard.BUCKETS
    expected, _ = np.histogram(row.astype(np.float64), np.concatenate([[row.min()], limits]))
    np.testing.assert_array_equal(counts, expected)


async def test_what_is_not_defined_is_not_counted(
    reader: httpx.AsyncClient, trained: Trained
) -> None:
    found = values_of(await exported(reader, trained.succeeded, "tensorboard"))
    matrix = stored(trained.data, trained.succeeded)["loss_state_gradient"][0, 0]
    histogram = fields(found["loss_state_gradient/layer 0"][0][5][0])
    assert histogram[3][0] == np.isfinite(matrix).sum()
    assert "accuracy" not in found


async def test_recorded_histograms_keep_their_counts(kept: tuple[Path, str]) -> None:
    data, run = kept
    async with serving(create_app(settings_of(data))) as client:
        found = values_of(await exported(client, run, "tensorboard"))
    whole = stored(data, run)
    of = fields(found["parameter_gradient_histogram/weight_hh_l1"][6][5][0])
    counts, limits = (np.frombuffer(of[field][0], "<f8") for field in (7, 6))
    np.testing.assert_array_equal(counts, whole["parameter_gradient_histogram"][-1, 4])
    assert limits[1] == pytest.approx(-20)
    assert np.all(np.diff(limits) > 0)
    over_time = fields(found["preactivation_histogram/layer 0"][6][5][0])
    summed = whole["preactivation_histogram"][-1, 0].sum(axis=0)
    np.testing.assert_array_equal(np.frombuffer(over_time[7][0], "<f8"), summed)
    assert "weight_geometry/layer 0/gate h/spectral_radius" in found
    assert "gain_factors/layer 0/slope" in found


async def test_a_runs_page_leads_to_its_exports(kept: tuple[Path, str]) -> None:
    data, run = kept
    async with serving(create_app(settings_of(data))) as client:
        page = (await client.get(f"/runs/{run}")).text
        links = re.findall(r'href="(/api/v1/runs/[^"]*/export\?format=(\w+))" download', page)
        assert [name for _, name in links] == ["html", "npz", "tensorboard"]
        for link, name in links:
            answer = await client.get(link)
            assert answer.status_code == 200
            assert f"{run}.{EXPORTS[name].suffix}" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**31, 2**63 - 1])
def test_whole_numbers_are_written_in_groups_of_seven_bits(number: int) -> None:
    written = event_file.record(0.0, number, [("a", 1.0)])
    (event,) = records(written)
    assert fields(event)[2] == [number]


@pytest.mark.torch
async def test_tensorboard_itself_reads_the_file(kept: tuple[Path, str], tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    data, run = kept
    async with serving(create_app(settings_of(data))) as client:
        content = await exported(client, run, "tensorboard")
    (tmp_path / f"{run}.tfevents").write_bytes(content)
    found = accumulators.EventAccumulator(str(tmp_path), {"scalars": 0, "histograms": 0})
    found.Reload()
    loss = found.Scalars("loss")
    assert [one.step for one in loss] == list(range(6))
    np.testing.assert_array_equal(
        np.array([one.value for one in loss], np.float32),
        stored(data, run)["loss"].astype(np.float32),
    )
    shown = found.Histograms("gain_factors/layer 1/weights")
    assert [one.step for one in shown] == [0, 2, 4, 6]
    assert sum(shown[-1].histogram_value.bucket) == shown[-1].histogram_value.num
