"""What must be on before what: as the commits say (`Depends-On`), and as authors say beside that."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.search import SearchQuery

from contributions.patches.trailers import change_ids_in, wanted_by

from .contribution import Contribution
from .document import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .revision import Revision

MOST_SOUGHT = 50  # Change-Ids that are looked for beyond the patches at hand


@dataclass
class Needs:
    """Of one patch: the numbers of contributions, and the words that name none here."""

    numbers: set[int] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)


def needs_of(revisions: Mapping[int, Revision], component: int) -> dict[int, Needs]:
    """What each needs, by the numbers of contributions, in three queries. Nobody needs themself."""
    found = {number: Needs() for number in revisions}
    for number, other in _said_beside(revisions):
        found[number].numbers.add(other)
    messages = {number: _messages(revision) for number, revision in revisions.items()}
    wanted = {number: wanted_by(said, settings.SITE_URL) for number, said in messages.items()}
    owners = _owners(messages, {name for one in wanted.values() for name in one.change_ids}, component)
    for number, one in wanted.items():
        needs = found[number]
        needs.numbers |= set(one.numbers) | {owners[name] for name in one.change_ids if name in owners}
        needs.numbers.discard(number)
        needs.unknown += [*(name for name in one.change_ids if name not in owners), *one.others]
    return found


def _said_beside(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    rows = Contribution.depends_on.through.objects.filter(from_contribution__in=list(numbers))
    yield from rows.order_by("pk").values_list("from_contribution_id", "to_contribution_id")


def _messages(revision: Revision) -> list[str]:
    return [f"{commit['subject']}\n\n{commit['body']}" for commit in revision.commits]


def _owners(messages: Mapping[int, list[str]], sought: set[str], component: int) -> dict[str, int]:
    """Change-Id -> the contribution that has it: one at hand, else one that is found by its words."""
    owners = {name: number for number, said in messages.items() for name in change_ids_in(said)}
    unknown = sorted(sought - owners.keys())[:MOST_SOUGHT]
    if unknown:
        owners |= {name: number for name, number in _found(unknown, component).items() if name in sought}
    return owners


def _found(names: list[str], component: int) -> dict[str, int]:
    """The newest contribution of each that is open to be needed; the words only lead there, the trailer decides."""
    query = SearchQuery(" | ".join(f"'{name}'" for name in names), config="english", search_type="raw")
    numbers = Document.objects.filter(words=query, contribution__component=component).order_by("-pk")
    told: dict[str, int] = {}
    near = numbers.values_list("pk", flat=True)[: MOST_SOUGHT * 4]
    rows = Contribution.objects.filter(pk__in=list(near)).exclude(current=None).select_related("current")
    by_name: dict[str, list[int]] = defaultdict(list)
    for row in rows.order_by("-pk"):
        if row.current is not None and row.is_public and not row.is_withdrawn:
            for name in change_ids_in(_messages(row.current)):
                by_name[name].append(row.pk)
    told |= {name: numbers_of[0] for name, numbers_of in by_name.items()}
    return told
