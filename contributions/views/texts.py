"""What changed in a text, such as a note or the message of a commit, in the form that a diff of files is shown in."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING

from contributions.patches import parse_diff
from contributions.patches.words import Effort

from .diffs import EMPTY
from .expanding import Layout, rows

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

NAMED = b"diff --git a/text b/text\n--- a/text\n+++ b/text\n"


def change_of_text(old: str, new: str, *, name: str) -> SafeString:
    """The rows of a table, or nothing if the texts are the same; `name` begins the address of each line."""
    lines = list(unified_diff(old.split("\n"), new.split("\n"), lineterm=""))[2:]
    if not lines:
        return EMPTY
    hunks = parse_diff(NAMED + "\n".join(lines).encode() + b"\n")[0].hunks
    return rows(hunks, Layout(name, "text.md", "unified"), None, Effort())
