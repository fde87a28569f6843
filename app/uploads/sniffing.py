"""What a file is, by how it begins; its name and its content type are not believed."""

from pathlib import Path
from typing import Final, Literal

from app.uploads.errors import UploadError
from app.uploads.npz_files import END_OF_DIRECTORY, ZIP_START, read_npz
from app.uploads.safetensor_files import looks_like_safetensors, read_safetensors
from app.uploads.tensors import Tensors

Form = Literal["npz", "safetensors", "text"]
KNOWN: Final = "safetensors, npz, CSV or UTF-8 text"
FOREIGN: Final = {
    b"\x80\x02": "a pickle", b"\x80\x03": "a pickle", b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle", b"\x89HDF": "HDF5", b"\x1f\x8b": "gzip", b"BZh": "bzip2",
    b"\xfd7zXZ": "xz", b"PAR1": "Parquet", b"ARROW1": "Arrow", b"%PDF": "PDF",
    b"\x93NUMPY": "a bare npy array", b"7z\xbc\xaf": "7-Zip", b"\x89PNG": "a picture",
}  # fmt: skip
TORCH_MEMBER: Final = b"data.pkl"  # how a .pt file's archive begins


def form_of(path: Path) -> Form:
    """Return which of the forms a file has.

    Raises:
        UploadError: It is empty, or something that is never read, such as a pickle.
    """
    with path.open("rb") as file:
        start = file.read(256)
    if not start:
        raise UploadError("the file is empty")
    for mark, name in FOREIGN.items():
        if start.startswith(mark):
            never = ", which is never read" if name == "a pickle" else ""
            raise UploadError(f"this is {name}{never}; expected {KNOWN}")
    if start.startswith(ZIP_START) and TORCH_MEMBER in start:
        raise UploadError(
            "this is a file of torch.save, a pickle, which is never read; expected safetensors: "
            "safetensors.torch.save_file(model.state_dict(), …)"
        )
    if start.startswith((ZIP_START, END_OF_DIRECTORY)):  # the latter of an empty archive
        return "npz"
    return "safetensors" if looks_like_safetensors(start) else "text"


def read_tensors(path: Path, most_bytes: int) -> Tensors:
    """Return the arrays of a safetensors or npz file.

    Raises:
        UploadError: It is neither, or damaged.
    """
    form = form_of(path)
    if form == "text":
        raise UploadError("expected safetensors or npz, got neither")
    tensors = read_safetensors(path) if form == "safetensors" else read_npz(path, most_bytes)
    if not tensors:
        raise UploadError("the file holds no array")
    return tensors
