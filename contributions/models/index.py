"""The feed's index as The Update Framework has it: the signed versions of every role."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.db import connection, models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

if TYPE_CHECKING:
    from datetime import datetime

    from .build import Artifact
    from .publication import Publication
    from .release import Release

TOP_ROLES = ("root", "timestamp", "snapshot", "targets")
WARNED_BEFORE = timedelta(days=60)  # the holders of root keys have to be called together
INDEX_LOCK = 0x696E6478  # "indx": any number that nothing else in this database locks
ODD = re.compile(r"[^A-Za-z0-9._+~-]+")  # no address has to spell these otherwise


class IndexFileQuerySet(models.QuerySet["IndexFile"]):
    def served(self) -> Self:
        """All but the roots that the signer has not taken up yet."""
        return self.filter(waits=False)

    def newest(self, role: str) -> IndexFile | None:
        return self.served().filter(role=role).order_by("-version").first()

    def newest_of_each(self) -> Self:
        """The newest version of every role, without the bytes."""
        return self.served().order_by("role", "-version").distinct("role").defer("content")

    def outlived(self, age: timedelta) -> Self:
        """Versions that no client has asked for since a newer one came `age` ago; roots are asked for for ever."""
        newer = IndexFile.objects.filter(
            role=OuterRef("role"), version__gt=OuterRef("version"), made_at__lt=Now() - age
        )
        return self.exclude(role="root").filter(Exists(newer))


class IndexFile(models.Model):
    """One signed metadata file, as a client downloads it."""

    role = models.CharField(max_length=200, help_text="root, targets, snapshot, timestamp, or a release's slug.")
    version = models.PositiveIntegerField()
    content = models.BinaryField(help_text="The signed JSON, byte for byte.")
    expires_at = models.DateTimeField()
    made_at = models.DateTimeField(db_default=Now(), editable=False)
    basis = models.CharField(max_length=64, blank=True, help_text="SHA-256 over the rows and keys it was made of.")
    through = models.BigIntegerField(null=True, help_text="Of a snapshot: the newest feed event that it tells of.")
    waits = models.BooleanField(default=False, help_text="Of a root: published, and not taken up by the signer yet.")

    objects = IndexFileQuerySet.as_manager()

    class Meta:
        ordering = ["role", "-version"]
        constraints = [models.UniqueConstraint(fields=["role", "version"], name="one_index_file_of_a_version")]

    def __str__(self) -> str:
        return f"{self.version}.{self.role}.json"

    def wears_out(self, now: datetime) -> bool:
        """Of a root: whether it is time for the next one."""
        return self.expires_at - now < WARNED_BEFORE


def lock_index() -> None:
    """Be the only one who adds to the index until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [INDEX_LOCK])


def database_time() -> datetime:
    """Now, by the one clock that all workers share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def word_of_index() -> str:
    """How the index is, in a word or a sentence; for the operator."""
    now, root = database_time(), IndexFile.objects.newest("root")
    waiting = IndexFile.objects.filter(waits=True).order_by("-version").first()
    if waiting is not None:
        return f"version {waiting.version} of the root waits until the signer has the keys that it names"
    if root is None:
        return "nothing is signed yet; manage.py keys root makes a root"
    for file in IndexFile.objects.newest_of_each().filter(role__in=TOP_ROLES):
        if file.expires_at <= now:
            return f"{file} expired on {file.expires_at:%Y-%m-%d %H:%M} UTC: clients refuse it"
    if root.wears_out(now):
        return (
            f"the root is good for {(root.expires_at - now).days} days more; draft the next one (manage.py keys root)"
        )
    return "ok"


def place_of(release: Release) -> str:
    """The directory of a release's targets, `COMPONENT/RELEASE`; each release has one of its own."""
    component = release.component.slug
    return f"{component}/{release.slug.removeprefix(f'{component}-')}"


def targets_of(publication: Publication) -> dict[str, Artifact]:
    """The publication's artifacts by their paths in the index.

    A path holds the artifact's plain name. Where two files of a build would have the same one, each gets the begin of
    its digest before it, so that neither is preferred.
    """
    revision = publication.revision
    place = f"{place_of(publication.release)}/c{revision.contribution_id}-v{revision.number}"
    artifacts = {(_plain(artifact.name), artifact.sha256): artifact for artifact in publication.artifacts}
    often = Counter(name for name, _ in artifacts)
    return {
        f"{place}/{name if often[name] == 1 else f'{sha256[:12]}-{name}'}": artifact
        for (name, sha256), artifact in artifacts.items()
    }


def _plain(name: str) -> str:
    return ODD.sub("-", name.rpartition("/")[2]).lstrip(".-") or "file"
