"""The client's calls for data sets and models of your own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import httpx
from rich.progress import wrap_file

from app.client.calls import Calls, query
from app.client.records import Dataset, Model

_UPLOAD_TIMEOUT: Final = httpx.Timeout(60.0, read=600.0)


class UploadCalls(Calls):
    """Data sets and models of your own."""

    def upload_dataset(
        self,
        file: Path | str | BinaryIO,
        *,
        name: str | None = None,
        kind: str | None = None,
        columns: tuple[str, ...] = (),
        progress: bool = False,
    ) -> Dataset:
        """Upload a data set and return what was found in it.

        Args:
            file: CSV, text, npz or safetensors.
            name: What it is called; the file's name where left out.
            kind: "series", "text" or "arrays"; told by the file's name where left out.
            columns: Of a table: keep these alone.
            progress: Draw a bar while it is sent.
        """
        params = {"name": name, "kind": kind, "columns": list(columns)}
        found: Dataset = self._upload("/datasets", file, params, progress=progress)
        return found

    def upload_model(
        self,
        file: Path | str | BinaryIO,
        *,
        name: str | None = None,
        cell: str | None = None,
        activation: str | None = None,
        prefix: str | None = None,
        readout: str | None = None,
        progress: bool = False,
    ) -> Model:
        """Upload a model and return what was recognised in it.

        `description.model` of the answer goes into a configuration as it is.

        Args:
            file: safetensors of PyTorch's or Keras' layers, or npz of Keras'.
            name: What it is called; the file's name where left out.
            cell: Refuse any other cell than this.
            activation: Of a plain RNN, which its weights do not tell.
            prefix: Which recurrent network, where there are several.
            readout: Which linear layer is the read-out, or "none" of them.
            progress: Draw a bar while it is sent.
        """
        params = {"name": name, "cell": cell, "activation": activation, "prefix": prefix}
        told = {**params, "readout": readout}
        found: Model = self._upload("/models", file, told, progress=progress)
        return found

    def datasets(self) -> Iterator[Dataset]:
        """Yield the data sets, the newest first, page by page."""
        yield from self._pages("/datasets", {})

    def dataset(self, dataset_id: str) -> Dataset:
        """Return a data set's description."""
        found: Dataset = self._answer("GET", f"/datasets/{dataset_id}")
        return found

    def delete_dataset(self, dataset_id: str) -> None:
        """Delete a data set that no run needs any more."""
        self._request("DELETE", f"/datasets/{dataset_id}")

    def models(self) -> Iterator[Model]:
        """Yield the models, the newest first, page by page."""
        yield from self._pages("/models", {})

    def model(self, model_id: str) -> Model:
        """Return what was recognised in a model."""
        found: Model = self._answer("GET", f"/models/{model_id}")
        return found

    def delete_model(self, model_id: str) -> None:
        """Delete a model that no run needs any more."""
        self._request("DELETE", f"/models/{model_id}")

    def _upload(
        self,
        path: str,
        file: Path | str | BinaryIO,
        params: Mapping[str, Any],
        *,
        progress: bool,
    ) -> Any:  # noqa: ANN401  # of JSON
        with _opened(file) as (content, size, name):
            told = {**params, "name": params["name"] or name}
            if path == "/datasets" and told.get("kind") is None and name.endswith((".csv", ".tsv")):
                told["kind"] = "series"
            body = wrap_file(content, size, description=name) if progress else None
            with body or _itself(content) as pieces:
                return self._answer(
                    "POST",
                    path,
                    content=_pieces(pieces),
                    params=query(told),
                    timeout=_UPLOAD_TIMEOUT,
                    headers={"Content-Type": "application/octet-stream"},
                )


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(1 << 16):
        yield piece


@contextmanager
def _itself(file: BinaryIO) -> Iterator[BinaryIO]:
    yield file


@contextmanager
def _opened(file: Path | str | BinaryIO) -> Iterator[tuple[BinaryIO, int, str]]:
    """Yield a file open for reading, its size and its name; one that came open stays so."""
    if isinstance(file, (str, Path)):
        path = Path(file)
        with path.open("rb") as content:
            yield content, path.stat().st_size, path.name
        return
    start = file.tell()
    size = file.seek(0, 2) - start
    file.seek(start)
    yield file, size, Path(str(getattr(file, "name", "upload"))).name
