"""Publishing: the only way into the feed. An approved, current revision's passed build, or its uploaded executable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from contributions.models import Artifact, Build, Contribution, Event, Publication, Revision
from contributions.models.porting import ports_by_release

from .notifying import announce
from .repeating import queue_repetition

if TYPE_CHECKING:
    from contributions.models import Release

NAMES_LOCK = 0x6E616D65  # "name": any number that nothing else in this database locks


def publish(pk: int) -> list[Publication]:
    """Publish what the contribution has to give and has not given yet; doing it twice changes nothing."""
    with transaction.atomic():
        contribution = Contribution.objects.select_for_update(of=("self",)).filter(pk=pk).first()
        if contribution is None or not _is_publishable(contribution):
            return []
        if contribution.kind == Contribution.Kind.EXECUTABLE and contribution.release is not None:
            return _put(contribution, contribution.release, None)
        return [made for build in _passed(contribution) for made in _put(contribution, build.release, build)]


def _is_publishable(contribution: Contribution) -> bool:
    approved = contribution.state == Contribution.State.APPROVED
    return approved and contribution.current is not None and not contribution.is_quarantined


def _passed(contribution: Contribution) -> list[Build]:
    """The newest passed build with something to install, per release: an approved port's where one stands."""
    ports = {key: port for key, port in ports_by_release(contribution).items() if port.approved_at is not None}
    whose = Q(revision=contribution.current_id) & ~Q(release__in=ports)
    for release, port in ports.items():
        whose |= Q(revision=port.pk, release=release)
    passed = Build.objects.originals().filter(whose, state=Build.State.PASSED, artifacts__isnull=False)
    return list(passed.order_by("release_id", "-serial").distinct("release_id").select_related("release", "revision"))


def _put(contribution: Contribution, release: Release, build: Build | None) -> list[Publication]:
    if build is None and _has_taken_name(contribution.current):
        return []
    revision = build.revision if build is not None else contribution.current
    publication, made = Publication.objects.get_or_create(revision=revision, release=release, defaults={"build": build})
    if not made:
        return []
    event = Event.objects.write(
        Event.Verb.PUBLISHED,
        contribution=contribution,
        revision=publication.revision,
        release=release,
        build=build,
        publication=publication,
    )
    announce(event)
    if build is not None and settings.REPEAT_BUILDS == "published":
        queue_repetition(build)
    return [publication]


def _has_taken_name(revision: Revision | None) -> bool:
    """Somebody published other bytes under the same name while this one was reviewed; what came first stays."""
    _one_at_a_time()
    files = revision.artifacts.all() if revision is not None else []
    component = revision.contribution.component_id if revision is not None else 0
    published = Artifact.objects.published_for(component)
    return any(published.called(file.name).exclude(blob=file.blob_id).exists() for file in files)


def _one_at_a_time() -> None:
    """Of two files of one name that are published at the same moment one sees the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NAMES_LOCK])


def forgotten(most: int) -> list[int]:
    """Approved contributions with something to publish that is not published, because the doorbell was lost."""
    approved = Contribution.objects.filter(state=Contribution.State.APPROVED, quarantined_at=None)
    given = Publication.objects.filter(revision=OuterRef("current"))
    built = approved.filter(
        ~Exists(given.filter(release=OuterRef("current__builds__release"))),
        current__builds__state=Build.State.PASSED,
        current__builds__artifacts__isnull=False,
        current__builds__repeats=None,
    )
    uploaded = approved.filter(~Exists(given), kind=Contribution.Kind.EXECUTABLE, release__isnull=False)
    keys = [rows.values_list("pk", flat=True) for rows in (built, uploaded)]
    ported = _built_ports().values_list("contribution", flat=True)
    return list(keys[0].union(keys[1], ported).order_by("pk")[:most])


def _built_ports() -> Any:
    """Approved ports with something to publish, on releases for which no port of theirs is published."""
    given = Publication.objects.filter(
        revision__contribution=OuterRef("contribution"), release=OuterRef("release"), revision__ports__isnull=False
    )
    rows = Revision.objects.ports().filter(
        ~Exists(given),
        approved_at__isnull=False,
        contribution__state=Contribution.State.APPROVED,
        contribution__quarantined_at=None,
        builds__state=Build.State.PASSED,
        builds__artifacts__isnull=False,
        builds__repeats=None,
    )
    return rows.filter(builds__release=F("release"))
