"""What a fork's merges changed by themselves, in words and as one more patch, so that all make up the fork's tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contributions.checkout.lineage import Own
from contributions.checkout.unmasking import Logical
from contributions.plaintext import clean

from .drafting import commit_data, shown_paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contributions.checkout.lineage import Change, Lineage
    from contributions.checkout.remainders import Edited

MOST_TOLD = 30  # merges in the words of the draft; the page has all of them
BY_MERGES, BY_NONE = "What the fork's merges changed by themselves", "What is in no other patch of the fork"
SEVERAL = (
    "The fork stands on several lines of upstream at once: what its patches leave out cannot be told from what those "
    "lines bring."
)


@dataclass(frozen=True)
class Whole:
    """How a fork's patches make up its tree: on which commit of upstream, and what none of them can bring."""

    ground: str  # in words; empty where that cannot be told
    has_rest: bool = False
    misfits: int = 0
    missing: Sequence[bytes] = ()


def rest_patch(lineage: Lineage, edited: Sequence[Edited], changes: Mapping[bytes, Change]) -> Logical:
    """The one more patch: told by its merges, written by whoever made the last of them."""
    last = edited[-1].own if edited else lineage.commits[-1]
    title, body = (BY_MERGES, _listed(edited)) if edited else (BY_NONE, "")
    own = Own(
        f"rest-{lineage.commits[0].id}", (lineage.release,), last.author_name, last.author_email, last.authored,
        message=f"{title}\n\n{body}".strip() + "\n", changes=changes,
    )  # fmt: skip
    return Logical(((own,),), title, body)


def _listed(edited: Sequence[Edited]) -> str:
    lines = [f"- {one.own.id[:12]} {clean(one.own.subject)[:100]}: {said_of(one)}" for one in edited[:MOST_TOLD]]
    more = [f"- and {len(edited) - MOST_TOLD:,} more"] if len(edited) > MOST_TOLD else []
    return "\n".join([*lines, *more])


def said_of(one: Edited) -> str:
    """How much a merge changed by itself, in a few words."""
    why = ", settling a conflict" if one.settles else ""
    return f"{_count(len(one.paths), 'file')}, {one.added:,} lines added, {one.removed:,} taken away{why}"


def merges_data(edited: Sequence[Edited]) -> list[dict[str, Any]]:
    """The same for the row: each merge as a commit is told, and what it changed."""
    return [
        commit_data(one.own)
        | {"files": len(one.paths), "added": one.added, "removed": one.removed, "settles": one.settles}
        | {"paths": shown_paths(one.paths)}
        for one in edited
    ]


def said_of_merges(edited: Sequence[Edited], merges: int) -> str:
    if not edited:
        return ""
    files = len({path for one in edited for path in one.paths})
    added, removed = sum(one.added for one in edited), sum(one.removed for one in edited)
    return (
        f"{len(edited):,} of its {_count(merges, 'merge')} changed files by themselves: {_count(files, 'file')}, "
        f"{added:,} lines added and {removed:,} taken away."
    )


def said_of_whole(whole: Whole) -> str:
    """Whether all patches together are the fork, in sentences."""
    if not whole.ground:
        return SEVERAL
    last = ", the last of which has what is in no other," if whole.has_rest else ""
    but = ""
    if whole.missing:
        but = f" but for {_count(len(whole.missing), 'file')}: {', '.join(shown_paths(whole.missing))}"
    misfits = ""
    if whole.misfits:
        those = "One of them does" if whole.misfits == 1 else f"{whole.misfits:,} of them do"
        misfits = f" {those} not fit onto the earlier ones in every file; the last sets that right."
    laid = f"Laid one after the other on {whole.ground}, its patches"
    return f"{laid}{last} make up the very tree of the fork{but}.{misfits}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
