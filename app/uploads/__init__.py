"""Files that users bring: recognised, checked and rewritten in pieces, never loaded whole.

Nothing here trusts what a file says of itself: every size is held against the file's own before
anything is read, and nothing is ever unpickled.
"""

from app.uploads.errors import UploadError
from app.uploads.keeping import keep_dataset, keep_model
from app.uploads.recognised import Wanted

__all__ = ["UploadError", "Wanted", "keep_dataset", "keep_model"]
