"""Making a port of what somebody answered: the conflicts are met anew, answers are put in, what is left is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import transaction

from contributions import patches
from contributions.checkout import commits, contrasting, receipt, reconciling
from contributions.checkout.clashing import CONTEXT, LONGEST_LINE, MOST_LINES
from contributions.checkout.weaving import OURS, THEIRS, Answer, places_of
from contributions.errors import Invalid, Refusal, Trouble
from contributions.models import Blob, Settlement
from contributions.plaintext import clean

from .contrasting import commit_data
from .files import told_of
from .leasing import leased
from .offering import Memory, origin
from .places import mirror_with

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from contributions.checkout.reconciling import Outcome, Pass, Question
    from contributions.checkout.weaving import Place
    from contributions.models import Resolution

NOTHING: dict[str, Any] = {"bundle": None, "mbox": None, "diff": None, "commits": [], "files": []}
GIT = "What conflicts here is more than lines of a file: {paths}. That needs git; the rest of this page cannot be sent."
HIDDEN = "Only patches are ported, and not what is a draft, in quarantine or withdrawn."


def reconcile(pk: int) -> None:
    """Lay the patch with the answers that there are, if the settlement waits for that."""
    row: Settlement | None = Settlement.objects.claim(pk)
    if row is None:
        return
    with leased(row):
        try:
            _lay(row)
        except Refusal as refusal:
            row.finish(Settlement.State.ASKS, sentence=clean(refusal.sentence), passes=None, **NOTHING)
        except Trouble as trouble:
            row.put_back(trouble.sentence)


def _lay(row: Settlement) -> None:
    revision, commit = row.revision, row.release.commit
    if not revision.contribution.may_be_ported_by(row.person):
        raise Invalid(HIDDEN)
    memory, repository = Memory(revision), mirror_with(revision)
    known = reconciling.Known({name: Answer(*given) for name, given in row.answers.items()}, memory.recall)
    found = reconciling.reconcile(repository, revision.base_commit, revision.tip_commit, commit, known)
    if found.tip and not found.passes:
        raise Invalid(f"It goes together with {row.release.name} by now; no port is needed.")
    asked = [_pass(each, memory.recalled) for each in found.passes]
    _record(row, repository, commit, found, json.dumps(asked, ensure_ascii=False).encode())


def _record(row: Settlement, repository: Path, commit: str, found: Outcome, asked: bytes) -> None:
    is_whole = bool(found.tip) and found.tip != commit
    sentence = "" if is_whole else _still_open(row, found)
    made = _made(row, repository, commit, found.tip) if is_whole else {}
    with transaction.atomic():
        kept = {name: Blob.objects.keep_bytes(each) if isinstance(each, bytes) else each for name, each in made.items()}
        state = Settlement.State.READY if is_whole else Settlement.State.ASKS
        told = {"passes": Blob.objects.keep_bytes(asked), "release_commit": commit, "sentence": sentence}
        row.finish(state, **NOTHING | kept | told)


def _still_open(row: Settlement, found: Outcome) -> str:
    if found.tip:
        return f"With these answers nothing is left of the patch: {row.release.name} would be as it is."
    paths = [clean(question.path) for question in found.passes[-1].questions if question.needs_git]
    return GIT.format(paths=", ".join(paths[:5])) if paths else ""


def _made(row: Settlement, repository: Path, commit: str, tip: str) -> dict[str, Any]:
    """The commits, and what they do otherwise than the patch: as the page that compares revisions tells it."""
    bundle = receipt.make_bundle(repository, commit, tip)
    older = contrasting.Series(row.revision.base_commit, row.revision.tip_commit)
    change = contrasting.contrast(repository, older, contrasting.Series(commit, tip), shows_conflicts=True)
    try:
        files = [told_of(file) for file in patches.parse_diff(change.diff)] if change.diff.strip() else []
    except Refusal:  # too large to be shown; the patch can still be fetched
        files = []
    return {
        "bundle": bundle,
        "mbox": commits.mbox(repository, commit, tip),
        "diff": change.diff if files else None,
        "commits": [commit_data(pair) for pair in change.commits],
        "files": files,
    }


def _pass(asked: Pass, recalled: Mapping[str, Resolution]) -> dict[str, Any]:
    return {
        "commit": asked.commit.sha,
        "subject": clean(asked.commit.subject),
        "number": asked.number,
        "of": asked.of,
        "files": [_file(question, recalled) for question in asked.questions],
    }


def _file(question: Question, recalled: Mapping[str, Resolution]) -> dict[str, Any]:
    learnt = recalled.get(question.key)
    return {
        "path": clean(question.path),
        "how": str(question.how),
        "id": question.id,
        "needs_git": question.needs_git,
        "choices": [OURS, THEIRS] if question.id else [],
        "remembered": origin(learnt.port) if learnt else None,
        "places": [_place(place) for place in places_of(question.pieces)],
    }


def _place(place: Place) -> dict[str, Any]:
    """`texts` are whole, and only there where they survive a page; the sides are cut to what can be shown."""
    texts = {"ours": place.ours, "theirs": place.theirs, "remembered": place.remembered}
    typed = {name: text.decode().replace("\r\n", "\n") for name, text in texts.items() if text is not None}
    return {
        "id": place.id,
        "choices": list(place.choices),
        "markers": place.markers,
        "texts": typed if place.may_type else {},
        "base": _side(place.base, place.start),
        "ours": _side(place.ours, place.start),
        "theirs": _side(place.theirs, place.theirs_start),
        "before": _shown(place.before[-CONTEXT:]),
        "after": _shown(place.after),
    }


def _side(text: bytes, start: int) -> dict[str, Any]:
    lines = text.split(b"\n")
    lines = lines if lines[-1] else lines[:-1]
    return {"start": start, "lines": _shown(lines[:MOST_LINES]), "cut": max(0, len(lines) - MOST_LINES)}


def _shown(lines: Sequence[bytes]) -> list[str]:
    return [clean(line.rstrip(b"\r\n").decode("utf-8", "replace"))[:LONGEST_LINE] for line in lines]
