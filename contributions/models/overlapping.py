"""What else does the same as a contribution, or touches the same lines, functions and files; and who has it upstream.

Line numbers of two patches can be compared only when both stand on the same base. Where the bases differ, the same
function says it, and lines that lie close to each other within it. docs/decisions/0024 tells why.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection, models
from django.db.models import Q

from .contribution import Contribution
from .fit import Fit
from .revision import Revision
from .touch import Place, Touch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.contrib.auth.models import AnonymousUser

    from .person import Person

MOST_SHOWN = 20
MOST_FOUND = 100  # of each way to look, before it is known who may see them
MOST_COMPARED = 100  # of one contribution's places and files: one that touches more overlaps with everything
MOST_OF_EACH = 200  # that touch the same place: a file that everybody touches has thousands
MOST_FILES = 20
STATES = (Contribution.State.OPEN, Contribution.State.CHANGES_REQUESTED, Contribution.State.APPROVED)

TOUCHES, ROWS, REVISIONS = (model._meta.db_table for model in (Touch, Contribution, Revision))
NEAR = f"""
    WITH mine AS (
        SELECT path, start, "end", function FROM {TOUCHES} WHERE contribution_id = %(own)s ORDER BY id LIMIT %(places)s
    ), they AS (
        SELECT near.*, mine.function AS own_function, TRUE AS is_near
        FROM mine CROSS JOIN LATERAL (
            SELECT contribution_id, path, function FROM {TOUCHES}
            WHERE component_id = %(component)s AND path = mine.path AND contribution_id <> %(own)s
                AND start BETWEEN mine.start - 400 AND mine."end" + 3 AND "end" >= mine.start - 3
                AND (start = 0) = (mine.start = 0)
            LIMIT %(each)s) near
        UNION ALL
        SELECT like_it.*, mine.function AS own_function, FALSE AS is_near
        FROM mine CROSS JOIN LATERAL (
            SELECT contribution_id, path, function FROM {TOUCHES}
            WHERE component_id = %(component)s AND path = mine.path AND contribution_id <> %(own)s
                AND start BETWEEN mine.start - 400 AND mine."end" + 400
                AND function = mine.function AND mine.function <> ''
            LIMIT %(each)s) like_it
    ), near AS (
        SELECT other.id AS other, other.score, path, function, is_near, function = own_function AS is_same_function,
            (other.release_id = %(release)s OR theirs.base_commit = %(base)s) IS TRUE AS on_same_base
        FROM they
        JOIN {ROWS} other ON other.id = they.contribution_id AND other.state = ANY(%(states)s)
            AND other.quarantined_at IS NULL AND (NOT other.is_draft OR other.author_id = %(eyes)s)
        JOIN {REVISIONS} theirs ON theirs.id = other.current_id
    ), told AS (
        SELECT *, is_near AND (on_same_base OR is_same_function) AS same_lines FROM near
        WHERE on_same_base OR is_same_function
    )
    SELECT other, bool_or(same_lines), array_agg(DISTINCT path),
        array_agg(DISTINCT function) FILTER (WHERE function <> '')
    FROM told GROUP BY other, score
    ORDER BY bool_or(same_lines) DESC, bool_or(on_same_base) DESC, score DESC, other DESC LIMIT %(most)s
"""  # noqa: S608 - names of our own tables


class Likeness(models.TextChoices):
    """How two contributions are alike, the most first."""

    SAME = "same", "the same change"
    PART = "part", "the same change to a file"
    LINES = "lines", "the same lines"
    FUNCTION = "function", "the same function"


@dataclass(frozen=True)
class Overlap:
    contribution: Contribution
    likeness: Likeness
    paths: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()


class TouchedFile(NamedTuple):
    path: str
    others: int


@dataclass(frozen=True)
class Overlaps:
    """Others by how alike they are; per file how many others touch it; and the releases that have it already."""

    others: tuple[Overlap, ...] = ()
    upstream: tuple[Fit, ...] = ()
    files: tuple[TouchedFile, ...] = ()
    is_cut: bool = field(default=False)

    @property
    def is_clear(self) -> bool:
        """Whether there is nothing that its author should see before others see the contribution."""
        return not self.others and not self.upstream

    def __bool__(self) -> bool:
        return bool(self.others or self.upstream or self.files)


def overlaps_of(contribution: Contribution, eyes: Person | AnonymousUser) -> Overlaps:
    """What these eyes may see of it, in a fixed number of queries; of open and approved work, the likest first.

    Of the same change those that were rejected are told too.
    """
    revision = contribution.current
    if revision is None:
        return Overlaps()
    found = _alike(contribution, revision, eyes)
    seen = _seen(found, contribution, eyes)
    others = [one for one in found.values() if one.contribution_id in seen]
    return Overlaps(
        others=tuple(one.told(seen[one.contribution_id]) for one in others[:MOST_SHOWN]),
        upstream=_upstream(revision),
        files=_files(contribution, eyes),
        is_cut=len(others) > MOST_SHOWN or contribution.touches.count() > MOST_COMPARED,
    )


@dataclass
class _Found:
    contribution_id: int
    likeness: Likeness
    paths: Iterable[str] = ()
    functions: Iterable[str] = ()

    def told(self, contribution: Contribution) -> Overlap:
        return Overlap(contribution, self.likeness, tuple(sorted(self.paths)), tuple(sorted(self.functions)))


def _alike(contribution: Contribution, revision: Revision, eyes: Person | AnonymousUser) -> dict[int, _Found]:
    """By the number of the other, in the order in which they are told; each counts where it is most alike."""
    found: dict[int, _Found] = {}
    for one in (*_same(contribution, revision), *_parts(contribution), *_near(contribution, revision, eyes)):
        found.setdefault(one.contribution_id, one)
    return found


def _same(contribution: Contribution, revision: Revision) -> list[_Found]:
    """Any revision of others that does the same, or of an upload is made of the same bytes."""
    same = Q(fingerprint=revision.fingerprint) & ~Q(fingerprint="")
    if contribution.kind == Contribution.Kind.EXECUTABLE and revision.raw_id:
        same |= Q(raw=revision.raw_id)
    received = Revision.objects.filter(same, state=Revision.State.RECEIVED).exclude(contribution=contribution)
    keys = received.filter(contribution__component=contribution.component_id).order_by("contribution_id")
    return [
        _Found(pk, Likeness.SAME) for pk in dict.fromkeys(keys.values_list("contribution_id", flat=True)[:MOST_FOUND])
    ]


def _parts(contribution: Contribution) -> list[_Found]:
    """Those to whose files the same happens, and other things to other files."""
    own = contribution.places.exclude(fingerprint="").values_list("fingerprint", flat=True)[:MOST_COMPARED]
    same = Place.objects.filter(component=contribution.component_id, fingerprint__in=list(own))
    rows = same.exclude(contribution=contribution).filter(contribution__state__in=STATES).order_by("-contribution_id")
    paths: dict[int, list[str]] = defaultdict(list)
    for pk, parent, name in rows.values_list("contribution_id", "parent", "name")[:MOST_FOUND]:
        paths[pk].append(f"{parent}/{name}" if parent else name)
    return [_Found(pk, Likeness.PART, names) for pk, names in paths.items()]


def _near(contribution: Contribution, revision: Revision, eyes: Person | AnonymousUser) -> list[_Found]:
    asked = {
        "own": contribution.pk,
        "component": contribution.component_id,
        "release": contribution.release_id,
        "base": revision.base_commit,
        "eyes": eyes.pk or 0,
        "states": list(STATES),
        "places": MOST_COMPARED,
        "each": MOST_OF_EACH,
        "most": MOST_FOUND,
    }
    with connection.cursor() as cursor:
        cursor.execute(NEAR, asked)
        rows = cursor.fetchall()
    kinds = {True: Likeness.LINES, False: Likeness.FUNCTION}
    return [_Found(pk, kinds[same_lines], paths, functions or ()) for pk, same_lines, paths, functions in rows]


def _seen(
    found: Mapping[int, _Found], contribution: Contribution, eyes: Person | AnonymousUser
) -> dict[int, Contribution]:
    """Those that may be told: not withdrawn, and rejected ones only where it is the same change."""
    same = [pk for pk, one in found.items() if one.likeness == Likeness.SAME]
    rejected = Q(pk__in=same, state=Contribution.State.REJECTED)
    rows = Contribution.objects.visible_to(eyes).with_names().exclude(pk=contribution.pk)
    rows = rows.filter(Q(state__in=STATES) | rejected).exclude(current=None)
    return rows.defer("current__files", "current__commits").in_bulk(list(found))


def _upstream(revision: Revision) -> tuple[Fit, ...]:
    """The releases that have it already, the oldest first."""
    states = (Fit.State.UPSTREAM, Fit.State.PROBABLY_UPSTREAM)
    fits = Fit.objects.filter(revision=revision, state__in=states).select_related("release")
    return tuple(fits.order_by("release__position", "pk"))


def _files(contribution: Contribution, eyes: Person | AnonymousUser) -> tuple[TouchedFile, ...]:
    """Of the first files the number of others that touch them, as far as these eyes may know."""
    own = contribution.places.filter(is_file=True).order_by("pk")[:MOST_FILES]
    counts = Place.objects.touching_too(contribution, [(place.parent, place.name) for place in own], eyes)
    told = (TouchedFile(f"{parent}/{name}" if parent else name, count) for (parent, name), count in counts.items())
    return tuple(sorted((file for file in told if file.others), key=lambda file: (-file.others, file.path)))
