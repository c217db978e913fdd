"""What a diff does to a file, in the words that a row keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contributions.patches import FileDiff


def told_of(file: FileDiff) -> dict[str, str | int | bool]:
    return {
        "path": file.new_path,
        "old_path": file.old_path,
        "status": file.status,
        "binary": file.binary,
        "added": file.added,
        "removed": file.removed,
        "start": file.start,
        "end": file.end,
    }
