"""What a comment said before, and what each edit changed: line by line, the words that went and came."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from contributions.models import Comment, CommentEdit

MOST_LINES = 1000  # of either text; the comparison's time grows with their product


@dataclass(frozen=True)
class Edition:
    """What an edit at that time made of the comment; `lines` are pairs of same, went or came, and the line."""

    at: datetime
    lines: list[tuple[str, str]]


def editions(comment: Comment, edits: Sequence[CommentEdit]) -> list[Edition]:
    """One for each edit, newest first; each row holds what its edit replaced."""
    newer = comment.edits.filter(pk__gt=edits[0].pk).order_by("pk").first() if edits else None
    after = newer.text if newer is not None else comment.text
    found = []
    for edit in edits:
        found.append(Edition(edit.replaced_at, list(changed(edit.text, after))))
        after = edit.text
    return found


def changed(before: str, after: str) -> Iterator[tuple[str, str]]:
    """The lines of both texts, each as same, went or came."""
    old, new = before.split("\n"), after.split("\n")
    if max(len(old), len(new)) > MOST_LINES:
        yield from (("went", line) for line in old)
        yield from (("came", line) for line in new)
        return
    for act, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if act == "equal":
            yield from (("same", line) for line in old[a:b])
        else:
            yield from (("went", line) for line in old[a:b])
            yield from (("came", line) for line in new[c:d])
