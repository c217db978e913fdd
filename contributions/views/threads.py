"""Comments as a tree: what was said, and beneath it what was answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contributions.models import Comment

DEEPEST = 6  # deeper answers stand beside their parent: a narrow screen has no room for more


@dataclass
class Remark:
    """A comment with its answers; `depth` 0 is the top."""

    comment: Comment
    depth: int
    may_edit: bool
    may_remove: bool
    answers: list[Remark] = field(default_factory=list)


def threaded(comments: Iterable[Comment], person: Any) -> list[Remark]:
    """The top remarks, oldest first. A parent is older than its answers, so one pass is enough."""
    top: list[Remark] = []
    known: dict[int, Remark] = {}
    home: dict[int, list[Remark]] = {}
    for comment in comments:
        parent = known.get(comment.parent_id or 0)
        depth = min(parent.depth + 1, DEEPEST) if parent else 0
        remark = Remark(comment, depth, comment.may_be_edited_by(person), comment.may_be_removed_by(person))
        siblings = top if parent is None else home[parent.comment.pk] if parent.depth == DEEPEST else parent.answers
        siblings.append(remark)
        known[comment.pk], home[comment.pk] = remark, siblings
    return top
