"""What a logical patch of a fork becomes: a row that tells of it and, unless somebody has it, a private draft."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models.functions import Now

from contributions import patches
from contributions.markup import render
from contributions.models import Carried, Contribution, Event, Revision, Standing
from contributions.models.contribution import TITLE_LENGTH
from contributions.plaintext import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from django.db.models import QuerySet

    from contributions.checkout.lineage import Own
    from contributions.checkout.unmasking import Logical
    from contributions.models import Blob, Fork

Status = Contribution.UpstreamStatus
PACE = timedelta(seconds=2)  # between the drafts of one fork, should nobody ring for them but the sweep
MOST_WORDS = 16_000  # letters of a description; a message that is longer is cut
LONGEST_PATH = 200
NAMED = re.compile(r"^(?:\[[^\]]*\]\s*)+")  # [PATCH 1/3], [stable]
FEATURE = re.compile(
    r"^(feat(ure)?\b|add(s|ed)? (support|an? option|a new)|implement|introduce|support for\b)", re.IGNORECASE
)
TRAILER = re.compile(r"[A-Za-z][A-Za-z-]*: \S.*|\(cherry picked from commit [0-9a-f]+\)")


@dataclass
class Told:
    """What was found out of a patch, beside its own words."""

    state: str = Carried.State.DRAFTED
    sentence: str = ""
    upstream_commit: str = ""
    evidence: str = ""
    contribution: Contribution | None = None
    raw: Blob | None = None
    base: str = ""
    needs: Sequence[str] = field(default_factory=list)
    commits: Sequence[dict[str, Any]] | None = None  # where they are not the patch's own
    earlier: Carried | None = None  # the draft that another fork of the same author has of it
    number: str = ""  # the patch id on the release


def written(fork: Fork, position: int, patch: Logical, told: Told) -> Carried:
    """The row of a patch and, if nobody has it, its draft; in the caller's transaction, which holds the fork."""
    carried = Carried(
        fork=fork,
        position=position,
        key=patch.key,
        title=title_of(patch.title),
        description=description_of(patch),
        kind=kind_of(patch),
        commits=[commit_data(commit) for commit in patch.commits] if told.commits is None else told.commits,
        state=told.state,
        sentence=told.sentence,
        upstream_commit=told.upstream_commit,
        evidence=told.evidence,
        contribution=told.contribution,
        raw=told.raw,
        base_commit=told.base,
        needs=list(told.needs),
        **status_of(patch.commits),
    )
    if told.earlier is not None and (earlier := _still_a_draft(told.earlier)):
        _go_on_with(earlier, carried, told.number)
    elif told.state == Carried.State.DRAFTED:
        draft(carried)
    carried.save()
    return carried


def draft(carried: Carried) -> Revision:
    """Make the private draft that the row stands for; the caller saves the row."""
    fork = carried.fork
    description = _with_needs(carried)
    contribution = Contribution.objects.create(
        component=fork.component,
        kind=carried.kind,
        title=carried.title,
        description=description,
        description_html=render(description),
        author=fork.author,
        organisation=fork.organisation,
        release=fork.release,
        is_draft=True,
        is_internal=True,
        upstream_status=carried.upstream_status,
        upstream_link=carried.upstream_link,
        upstream_reason=carried.upstream_reason,
    )
    contribution.depends_on.set([row.contribution for row in stands_on(carried) if row.contribution])
    revision = _revise(contribution, carried, 1)
    Standing.objects.recompute(contribution)
    carried.contribution, carried.state = contribution, Carried.State.DRAFTED
    return revision


def _revise(contribution: Contribution, carried: Carried, number: int) -> Revision:
    fork = carried.fork
    revision = Revision.objects.create(
        contribution=contribution,
        number=number,
        source=Revision.Source.FORK,
        raw=carried.raw,
        filename=f"fork-{fork.pk}-{carried.position}.bundle",
        base_commit=carried.base_commit,
        release=fork.release,
        submitted_by=fork.author,
        queued_at=Now() + PACE * carried.position,
    )
    Event.objects.write(
        Event.Verb.UNMASKED, contribution=contribution, revision=revision, organisation=fork.organisation
    )
    return revision


def _still_a_draft(earlier: Carried) -> Carried | None:
    """The row, held: nobody publishes the draft or throws it away meanwhile."""
    Contribution.objects.select_for_update(of=("self",)).filter(carried=earlier).first()
    rows = drafts_of_forks().filter(pk=earlier.pk).select_for_update(of=("self",))
    return rows.select_related("contribution__current").first()


def drafts_of_forks() -> QuerySet[Carried]:
    """What was drafted of any fork, is private, and nobody asked to publish."""
    free = Carried.objects.filter(contribution__is_draft=True, contribution__quarantined_at=None, asked_at=None)
    return free.filter(state=Carried.State.DRAFTED).exclude(contribution__state=Contribution.State.WITHDRAWN)


def _go_on_with(earlier: Carried, carried: Carried, number: str) -> None:
    """The draft is this fork's from now on, as its author named it, with another revision if the fork changed it."""
    found = earlier.contribution
    if found is None:
        raise AssertionError
    carried.contribution, carried.state, carried.title = found, Carried.State.DRAFTED, found.title
    carried.sentence = f"Drafted of fork {earlier.fork_id} already."
    told = f"Fork {carried.fork_id} goes on with it."
    Carried.objects.filter(pk=earlier.pk).update(state=Carried.State.KNOWN, sentence=told)
    last = found.revisions.order_by("-number")[0]
    is_same = last.raw_id == carried.raw_id or (found.current is not None and found.current.fingerprint == number)
    if is_same:
        return
    if last.source != Revision.Source.FORK:
        carried.sentence += f" The fork changed it since, and v{last.number} is by hand: compare them."
        return
    found.depends_on.set([row.contribution for row in stands_on(carried) if row.contribution])
    carried.sentence += f" The fork changed it since: v{last.number + 1}."
    _revise(found, carried, last.number + 1)


def stands_on(carried: Carried) -> list[Carried]:
    """The earlier patches of the fork that it stands on and that are contributions, in their order."""
    if not carried.needs:
        return []
    rows = Carried.objects.filter(fork=carried.fork_id, key__in=carried.needs).exclude(contribution=None)
    return list(rows.select_related("contribution").order_by("position"))


def unfounded(contribution: Contribution) -> str:
    """Why the draft of a fork cannot be public, in a sentence: it is not its author's any more, or comes too early."""
    rows = contribution.carried.filter(state=Carried.State.DRAFTED)
    carried = rows.select_related("fork__organisation").first()
    if carried and not carried.fork.is_still_for(contribution.author):
        return f"It was drafted for {carried.fork.organisation}, to which its author does not belong any more."
    hidden = [row for row in stands_on(carried) if row.is_draft] if carried else []
    if not hidden:
        return ""
    numbers = ", ".join(f"#{row.contribution_id}" for row in hidden)
    return f"It stands on {numbers}, which others cannot see yet: publish that first, or both together."


def _with_needs(carried: Carried) -> str:
    numbers = ", ".join(f"#{row.contribution_id}" for row in stands_on(carried))
    return f"{carried.description}\n\n    Depends-On: {numbers}".strip("\n") if numbers else carried.description


# what the commits say


def title_of(subject: str) -> str:
    title = " ".join(NAMED.sub("", clean(subject)).split())
    return (title if len(title) <= TITLE_LENGTH else f"{title[: TITLE_LENGTH - 1]}…") or "A change without a subject"


def kind_of(patch: Logical) -> str:
    kinds = Contribution.Kind
    return kinds.IMPROVEMENT if FEATURE.match(NAMED.sub("", patch.title)) else kinds.REFINEMENT


def description_of(patch: Logical) -> str:
    """The message in Markdown: its trailers keep their lines, and a series lists its commits."""
    words, trailers = _parted(clean(patch.body))
    parts = [words] if words else []
    if len(patch.groups) > 1:
        parts.append("\n".join(f"- {_plain(group[0].subject)}" for group in patch.groups))
        trailers = list(dict.fromkeys([*trailers, *_trailers(group[0] for group in patch.groups)]))
    if trailers:
        parts.append("\n".join(f"    {line}" for line in trailers))
    text = "\n\n".join(parts)
    return text if len(text) <= MOST_WORDS else f"{text[:MOST_WORDS]}…"


def _parted(body: str) -> tuple[str, list[str]]:
    """The words of a message and its trailers: the last paragraph, if each line of it is one."""
    words, _, last = body.strip().rpartition("\n\n")
    lines = [line.strip() for line in last.splitlines() if line.strip()]
    if lines and all(TRAILER.fullmatch(line) for line in lines):
        return words.strip(), lines
    return body.strip(), []


def _trailers(commits: Iterable[Own]) -> list[str]:
    return [line for commit in commits for line in _parted(clean(commit.body))[1]]


def _plain(subject: str) -> str:
    return clean(subject)[:TITLE_LENGTH]


def status_of(commits: Sequence[Own]) -> dict[str, Any]:
    """Where it stands with upstream, as its headers say; what names where it was picked from is a backport."""
    if said := patches.read_status(clean(commit.message) for commit in commits):
        return {"upstream_status": said.word, "upstream_link": said.link, "upstream_reason": said.reason}
    is_picked = any(commit.picked_from for commit in commits)
    return {"upstream_status": Status.BACKPORT if is_picked else Status.PENDING}


def commit_data(commit: Own) -> dict[str, Any]:
    return {
        "sha": commit.id,
        "subject": clean(commit.subject)[:500],
        "author": clean(f"{commit.author_name} <{commit.author_email}>")[:300],
        "authored_at": _moment(commit.authored),
    }


def shown_paths(paths: Collection[bytes], most: int = 5) -> list[str]:
    """The first few names, fit to be shown, and how many more there are."""
    names = [clean(path.decode("utf-8", "replace"))[:LONGEST_PATH] for path in sorted(paths)]
    return [*names[:most], *([f"and {len(names) - most:,} more"] if len(names) > most else [])]


def _moment(raw: str) -> str:
    """Any number is a date to git; nothing for those that no calendar has."""
    try:
        return datetime.fromtimestamp(int(raw.split(" ", maxsplit=1)[0]), UTC).isoformat()
    except (ValueError, OverflowError, OSError, IndexError):
        return ""
