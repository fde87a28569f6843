"""Malformed uploads: a 422 that says what is wrong, little memory, nothing kept."""

import io
import json
import pickle
import re
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from safetensors.numpy import save

from app.main import create_app
from tests.app.api.conftest import serving, settings_of

MOST_EXTRA = 50_000_000
PIECE = 1 << 16
Arrays = dict[str, NDArray[Any]]


class Service(NamedTuple):
    """A service that is asked again and again, and where it keeps what it is given."""

    client: httpx.AsyncClient
    data: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    data = tmp_path_factory.mktemp("malformed")
    async with serving(create_app(settings_of(data))) as client:
        yield Service(client, data)


def lstm(**other: NDArray[Any]) -> Arrays:
    """Return the weights of an LSTM (D = 2, H = 3), some of them others."""
    shapes = {"weight_ih_l0": (12, 2), "weight_hh_l0": (12, 3), "bias_ih_l0": (12,)}
    shapes["bias_hh_l0"] = (12,)
    return {name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()} | other


def raw(header: object, data: bytes = b"", *, claimed: int | None = None) -> bytes:
    """Return a file in the form of safetensors with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if claimed is None else claimed).to_bytes(8, "little") + text + data


def entry(dtype: str, shape: list[int], first: int, stop: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, stop]}


def npz(**arrays: Any) -> bytes:  # noqa: ANN401  # whatever np.savez takes
    held = io.BytesIO()
    np.savez_compressed(held, **arrays)
    return held.getvalue()


def archive(**members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/").replace("_npy", ".npy"), content)
    return held.getvalue()


def npy(shape: str, dtype: str = "<f4", data: bytes = b"") -> bytes:
    """Return an npy array whose header says anything."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def bomb() -> bytes:
    """Return an archive of some 300 kB that unpacks to 300 MB."""
    held = io.BytesIO()
    with (
        zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("inputs.npy", "w") as member,
    ):
        member.write(npy("(1000, 1000, 75)"))
        for _ in range(300):
            member.write(bytes(1_000_000))
    return held.getvalue()


def lying_bomb() -> bytes:
    """Return an archive whose directory says that its member is small."""
    content = bytearray(archive(inputs_npy=npy("(5000000,)") + bytes(20_000_000)))
    size = len(npy("(5000000,)")) + 20_000_000
    at = content.rfind(size.to_bytes(4, "little"))
    content[at : at + 4] = (1000).to_bytes(4, "little")
    return bytes(content)


def flipped(content: bytes) -> bytes:
    """Return a file with a byte in its middle turned over."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def torch_file() -> bytes:
    """Return an archive that begins as those of torch.save do."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("model/data.pkl", pickle.dumps({"weight": 1}))
    return held.getvalue()


def long_nan() -> Iterator[bytes]:
    """Yield 60 MB of arrays of which the last number is none."""
    size = 4 * 5000 * 1000 * 3
    inputs = entry("F32", [5000, 1000, 3], 0, size)
    targets = entry("F32", [5000], size, size + 20_000)
    yield raw({"inputs": inputs, "targets": targets})
    for _ in range(14):
        yield bytes(4_000_000)
    yield bytes(3_999_996) + np.float32(np.nan).tobytes()
    yield bytes(20_000)


INPUTS = np.ones((4, 3, 2), np.float32)
CLASSES = np.array([0, 1, 0, 1])
DEEP = b'{"a":' * 100_000
MODELS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "the file is empty"),
    "a word": (lambda: b"hello", "expected safetensors or npz"),
    "a pickle": (lambda: pickle.dumps(lstm()), "a pickle, which is never read"),
    "an old pickle": (lambda: pickle.dumps({"a": 1}, 2), "a pickle, which is never read"),
    "torch.save": (torch_file, "a file of torch.save, a pickle"),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(64), "this is HDF5"),
    "gzip": (lambda: b"\x1f\x8b\x08" + bytes(64), "this is gzip"),
    "a bare npy": (lambda: npy("(2,)") + bytes(8), "a bare npy array"),
    "400 GB of header": (
        lambda: raw({}, claimed=400_000_000_000),
        "the header claims 400000000000 bytes",
    ),
    "a header of 2 MB": (lambda: raw(b"{" + b" " * 2_000_000 + b"}"), "the header has 2000002"),
    "cut off in the data": (lambda: save(lstm())[:-40], "beyond the file's .*cut off"),
    "cut off in the header": (lambda: save(lstm())[:60], "cut off"),
    "a header of no JSON": (lambda: raw(b"{weights}"), "the header is no JSON"),
    "a header without end": (lambda: raw(DEEP), "the header is no JSON"),
    "overlapping tensors": (
        lambda: raw({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}, bytes(12)),
        "overlap",
    ),
    "bytes of nobody": (lambda: save(lstm()) + b"more", "the tensors end at byte"),
    "an unknown type": (lambda: raw({"a": entry("F8_E4M3", [1], 0, 1)}, b"1"), "number type"),
    "a type of no name": (
        lambda: raw({"a": {"dtype": [], "shape": [1], "data_offsets": [0, 1]}}, b"1"),
        r"unknown number type '\[\]'",
    ),
    "half a surrogate": (
        lambda: raw(b'{"\\ud800": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}'),
        r"a tensor's name holds NUL or a lone surrogate: '.ud800'",
    ),
    "a layer of 5,000 digits": (
        lambda: save({f"weight_ih_l{'9' * 5000}": INPUTS}),
        "expected PyTorch's names",
    ),
    "two networks of odd names": (
        lambda: save({f"{'9' * 5000}.weight_ih_l0": INPUTS, "².weight_ih_l0": INPUTS}),
        "2 of a recurrent network",
    ),
    "a shape of other bytes": (lambda: raw({"a": entry("F32", [3], 0, 8)}, bytes(8)), "takes 12"),
    "a negative shape": (lambda: raw({"a": entry("F32", [-2], 0, 8)}, bytes(8)), "are no sizes"),
    "an endless shape": (
        lambda: raw({"a": entry("F32", [2**40, 2**40, 2**40], 0, 8)}, bytes(8)),
        "takes",
    ),
    "no entry": (lambda: raw({"a": 3}), "lacks dtype"),
    "no tensor": (lambda: raw({}), "holds no array"),
    "1,001 tensors": (
        lambda: raw({f"t{i}": entry("F32", [0], 0, 0) for i in range(1001)}),
        "at most 1000 arrays, got 1001",
    ),
    "NaN": (
        lambda: save(lstm(bias_ih_l0=np.full(12, np.nan, np.float32))),
        r"bias_ih_l0: expected finite numbers, got nan at \[0\]",
    ),
    "infinity": (
        lambda: save(lstm(weight_ih_l0=np.full((12, 2), np.inf))),
        r"weight_ih_l0: .* got inf at \[0, 0\]",
    ),
    "whole numbers": (
        lambda: save(lstm(weight_hh_l0=np.ones((12, 3), np.int32))),
        "weight_hh_l0: expected floating-point numbers, got int32",
    ),
    "wrong shapes": (
        lambda: save(lstm(bias_hh_l0=np.ones(11, np.float32))),
        r"bias_hh_l0: expected shape \(12,\), got \(11,\)",
    ),
    "a cell of two gates": (
        lambda: save(lstm(weight_hh_l0=np.ones((6, 3), np.float32))),
        "weight_hh_l0: expected G·H",
    ),
    "a read-out too wide": (
        lambda: save(lstm(**{"fc.weight": np.ones((2, 9), np.float32)})),
        r"fc.weight: expected shape \(2, 3\), got \(2, 9\)",
    ),
    "nine layers": (
        lambda: save(
            lstm()
            | {
                f"{name}_l{layer}": np.ones((12, 3) if "weight" in name else 12, np.float32)
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                for layer in range(1, 9)
            }
        ),
        "/model/layers: expected an integer from 1 to 8, got 9",
    ),
    "no recurrent weights": (lambda: save({"fc.weight": np.ones((2, 2))}), "expected PyTorch's"),
    "objects": (
        lambda: archive(arr_0_npy=npy("(1,)", "|O") + pickle.dumps([1])),
        "holds pickled objects, which are never read",
    ),
}
DATASETS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a zip bomb": (bomb, "the archive unpacks to 3000000.. bytes, at most 200000000"),
    "a zip bomb that lies": (lying_bomb, "Bad CRC|takes 20000"),
    "an archive cut off": (lambda: npz(inputs=INPUTS)[:-30], "cut off"),
    "an archive with a fault": (
        lambda: flipped(npz(inputs=np.random.default_rng(0).normal(size=(90, 9, 9)))),
        "damaged|expected among",
    ),
    "an array of 400 GB": (
        lambda: archive(inputs_npy=npy("(100000, 1000, 1000)") + bytes(64)),
        "takes 4000000000",
    ),
    "10,000 members": (
        lambda: archive(**{f"x{number}_npy": b"" for number in range(10_000)}),
        "at most 1000 arrays, got 10000",
    ),
    "members elsewhere": (
        lambda: archive(**{f"{'..__' * 8}etc__inputs_npy": npy("(1, 1, 1)") + bytes(4)}),
        "unknown array '../../../../../../../../etc/inputs'; known: inputs",
    ),
    "an archive of texts": (lambda: archive(readme=b"hello"), "expected .npy arrays alone"),
    "strings": (lambda: npz(inputs=np.array(["a"])), "expected real numbers"),
    "complex numbers": (lambda: npz(inputs=np.ones((2, 2, 2), complex)), "expected real numbers"),
    "no targets": (lambda: npz(inputs=INPUTS), "targets: expected among the arrays, got none"),
    "a matrix": (lambda: npz(inputs=INPUTS[0], targets=CLASSES), "inputs: expected 3 axes"),
    "fewer targets": (lambda: npz(inputs=INPUTS, targets=CLASSES[:3]), "targets: expected class"),
    "NaN inputs": (
        lambda: npz(inputs=np.where(INPUTS == 1, np.nan, 0), targets=CLASSES),
        r"inputs: expected finite numbers, got nan at \[0, 0, 0\]",
    ),
    "a class of -1": (lambda: npz(inputs=INPUTS, targets=CLASSES - 1), "from 0 to 9999, got -1"),
    "a mask too short": (
        lambda: npz(inputs=INPUTS, targets=CLASSES, mask=np.ones((4, 2))),
        r"mask: expected \[4, 3\]",
    ),
    "a silent sequence": (
        lambda: npz(inputs=INPUTS, targets=np.ones((4, 3), int), mask=np.zeros((4, 3), bool)),
        "sequence 0 is asked at no step",
    ),
}
TABLES: dict[str, tuple[Callable[[], bytes], str]] = {
    "a short row": (lambda: b"a,b\n1,2\n3\n", "line 3: expected 2 values, got 1"),
    "a word among numbers": (
        lambda: b"a,b\n1,2\n3,x\n",
        "b: expected a number or nothing, but line 3 holds 'x'",
    ),
    "an infinity": (lambda: b"a\n1\ninf\n", "a: line 3: expected a finite number"),
    "a fault below empty lines": (lambda: b"\n\na\n\n1\ninf\n", "a: line 6: expected a finite"),
    "a fault in the first line": (lambda: b"1\ninf\n", "column 1: line 2: expected a finite"),
    "words alone": (lambda: b"a,b\nx,y\nz,w\n", "no column holds numbers"),
    "names alone": (lambda: b"a,b\n", "expected rows of values"),
    "nothing known": (lambda: b"a\nNA\n\nnan\n", "no column holds numbers"),
    "a line of 2 MB": (lambda: b"a\n" + b"1" * 2_000_000, "line 2 has more than 1048576"),
    "two columns of a name": (lambda: b"a,a\n1,2\n", "a: two columns have this name"),
    "300 columns": (lambda: b",".join([b"1"] * 300), "at most 256 columns, got 300"),
    "a picture": (lambda: b"a,b\n1,\0\n", "line 2 holds a NUL"),
    "latin-1": (lambda: "a,b\n1,ü\n".encode("latin-1"), "expected UTF-8 text, but byte"),
    "an open quote": (lambda: b'a\n"1\n', "no table"),
}
TEXTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "not UTF-8": (lambda: b"abc\xff\xfe", "expected UTF-8 text, but byte 3 is none"),
    "binary": (lambda: b"abc\0def", "holds a NUL"),
    "one character": (lambda: b"a", "at least two characters, got 1"),
    "every character": (
        lambda: "".join(map(chr, range(0x4E00, 0x5300))).encode(),
        "more than 1024 different characters",
    ),
}
CASES = {
    f"{path}: {name}": (path, *case)
    for path, cases in (
        ("models", MODELS),
        ("datasets", DATASETS),
        ("datasets?kind=series", TABLES),
        ("datasets?kind=text", TEXTS),
    )
    for name, case in cases.items()
}


async def refused(
    service: Service, path: str, content: bytes | AsyncIterator[bytes]
) -> tuple[dict[str, Any], int]:
    """Send a file; return the refusal and the most memory that answering it took."""
    tracemalloc.start()
    try:
        answer = await service.client.post(f"/api/v1/{path}", content=content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    body: dict[str, Any] = answer.json()
    assert answer.status_code == 422, body
    return body, peak


async def require_nothing_kept(service: Service) -> None:
    """Assert that the store holds no file and no row."""
    assert list((service.data / "uploads").iterdir()) == []
    for path in ("models", "datasets"):
        assert (await service.client.get(f"/api/v1/{path}")).json()["items"] == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES)
async def test_a_malformed_file_is_refused_with_what_is_wrong(service: Service, case: str) -> None:
    path, make, message = CASES[case]
    body, peak = await refused(service, path, make())
    assert body["type"] == "/problems/invalid-upload"
    assert re.search(message, body["detail"]), body["detail"]
    assert body["errors"][0]["detail"]
    assert peak < MOST_EXTRA
    await require_nothing_kept(service)


@pytest.mark.asyncio(loop_scope="module")
async def test_another_cell_than_was_asked_for_is_refused(service: Service) -> None:
    body, _ = await refused(service, "models?cell=gru", save(lstm()))
    detail = "cell: expected the weights of 'gru', these are those of 'lstm'"
    assert body["errors"] == [{"pointer": "/cell", "detail": detail}]


@pytest.mark.asyncio(loop_scope="module")
async def test_sixty_megabytes_are_never_held_at_once(service: Service) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for large in long_nan():
            for start in range(0, len(large), PIECE):
                yield large[start : start + PIECE]

    body, peak = await refused(service, "datasets", pieces())
    assert "inputs: expected finite numbers, got nan at [4999, 999, 2]" in body["detail"]
    assert peak < MOST_EXTRA
    await require_nothing_kept(service)


def test_there_are_more_than_forty() -> None:
    assert len(CASES) >= 40
