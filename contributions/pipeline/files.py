"""What a diff does to a file, in the words that a row keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contributions.patches import FileDiff

PLAIN = {"", "100644"}  # the mode of an ordinary file, or of none


def told_of(file: FileDiff) -> dict[str, Any]:
    """What is unusual, a mode or a likeness, is told beside the rest; thousands of files have nothing of the kind."""
    modes = {file.old_mode, file.new_mode}
    return {
        "path": file.new_path,
        "old_path": file.old_path,
        "status": file.status,
        "binary": file.binary,
        "added": file.added,
        "removed": file.removed,
        "start": file.start,
        "end": file.end,
        **({} if modes <= PLAIN else {"modes": [file.old_mode, file.new_mode]}),
        **({} if file.similarity is None else {"similarity": file.similarity}),
    }
