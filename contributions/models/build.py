"""One revision, or the bare release, run through its recipe on one release in the sandbox; and what came out."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .blob import Blob
from .contribution import Contribution
from .release import Release
from .revision import Revision
from .stack import Assembly
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import AnonymousUser

    from .baseline import Comparison
    from .person import Person

TYPICAL = 9  # builds that tell what one usually takes
PAGE = 1 << 16  # a poll of a running log answers at most 64 KiB


def of_known(person: Person | AnonymousUser, at: str = "") -> Q:
    """The condition that this person may see a build, reached along `at`: of the bare release, or of what they know."""
    bare = Q(**{f"{at}revision": None, f"{at}assembly": None, f"{at}pk__isnull": False})
    known = Contribution.objects.visible_to(person)
    laid = Assembly.objects.known_to(person)
    return bare | Q(**{f"{at}revision__contribution__in": known}) | Q(**{f"{at}assembly__in": laid})


class BuildQuerySet(WorkQuerySet):
    def known_to(self, person: Person | AnonymousUser) -> Self:
        """Builds of bare releases, of contributions that this person may know of, and of stacks that they may see."""
        return self.filter(of_known(person))

    def bare(self) -> Any:
        """Baseline builds: the release without any patch."""
        return self.filter(revision=None, assembly=None)

    def usual_seconds(self, release: Release) -> float | None:
        """What passed builds on the release took of late, in the middle; None before the first."""
        passed = self.filter(release=release, state=Build.State.PASSED, started_at__isnull=False).order_by("-pk")
        took = [build.seconds for build in passed.only("started_at", "finished_at")[:TYPICAL]]
        return statistics.median(seconds for seconds in took if seconds is not None) if took else None

    def originals(self) -> Any:
        """Builds for their own sake, without the repetitions that only compare."""
        return self.filter(repeats=None)


class Build(Work):
    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING
        PASSED = "passed"
        FAILED = "failed"
        TIMED_OUT = "timed-out", _("timed out")
        ERRORED = ERRORED

    class Likeness(models.TextChoices):
        SAME = "same", _("reproducible")
        DIFFERENT = "different", _("not reproducible")

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "passed", "failed", "timed-out", ERRORED}),
        ERRORED: frozenset({QUEUED}),
    }

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, null=True, blank=True, related_name="builds")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="builds")
    assembly = models.ForeignKey(
        Assembly, on_delete=models.CASCADE, null=True, blank=True, related_name="builds",
        help_text="Of a stack's build: what was laid onto the release.",
    )  # fmt: skip
    depth = models.PositiveSmallIntegerField(
        default=0, help_text="Of a stack's build: how many of its patches are on, from the first."
    )
    serial = models.PositiveIntegerField(default=1, help_text="1 for the first build of this pair, 2 when asked again.")
    commit = models.CharField(max_length=64, help_text="The commit that is built: the patched release, or the release.")
    upstream_commit = models.CharField(
        max_length=64, blank=True, help_text="The release's own commit, on which `commit` stands."
    )
    recipe = models.JSONField(help_text="The recipe as it was when the build was queued.")
    recipe_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    failed_step = models.CharField(max_length=60, blank=True)
    failed_test = models.CharField(
        max_length=300, blank=True, help_text="The first test that failed, as its log names it."
    )
    failed_tests = models.JSONField(
        default=list, help_text="The tests that failed, by the names of its log; the first few."
    )
    exit_code = models.IntegerField(null=True)
    limit = models.CharField(max_length=100, blank=True, help_text="The limit that ended it, with its value.")
    refused = models.JSONField(default=list, help_text="Artifacts that were not taken: [name, reason].")
    log = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="Set when it ended.")
    executor = models.CharField(max_length=20, blank=True, help_text="What confined it: bubblewrap or container.")
    sandbox = models.JSONField(default=dict, help_text="What the jail was: versions, limits, control groups, user.")
    toolchain_digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 over the toolchain it ran with.")
    prepared_digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 over what prepare left for it.")
    repeats = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="repetitions",
        help_text="The passed build whose bytes this one should make again, elsewhere and otherwise.",
    )  # fmt: skip
    likeness = models.CharField(
        max_length=12, choices=Likeness, blank=True, help_text="Of a repetition that passed: same bytes or not."
    )
    difference = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="The report on what differs."
    )

    # What is known of a red one beside the bare release; `models.baseline.set_beside` puts it there.
    beside: Comparison | None = None

    objects = BuildQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "lease_until"], name="build_waiting")]
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "release", "serial"],
                condition=~Q(revision=None) & Q(repeats=None),
                name="one_build_of_a_serial",
            ),
            models.UniqueConstraint(
                fields=["repeats"], condition=Q(state__in=[QUEUED, RUNNING]), name="one_repetition_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["release", "commit", "recipe_digest"],
                condition=Q(revision=None, assembly=None),
                name="one_bare_build_of_a_recipe",
            ),
            models.UniqueConstraint(
                fields=["assembly", "depth", "recipe_digest"],
                condition=Q(assembly__isnull=False),
                name="one_build_of_a_depth",
            ),
            models.CheckConstraint(
                condition=Q(revision=None) | Q(assembly=None), name="build_is_of_a_revision_or_a_stack"
            ),
        ]

    def __str__(self) -> str:
        return f"build {self.pk} of {self.revision or self.assembly or 'the bare release'} on {self.release}"

    def get_absolute_url(self) -> str:
        return reverse("build", args=[self.pk])

    @property
    def has_passed(self) -> bool:
        return self.state == self.State.PASSED

    @property
    def is_bare(self) -> bool:
        return self.revision_id is None and self.assembly_id is None

    @property
    def is_of_a_part(self) -> bool:
        """Whether it is of the first patches of a stack only, to find the one that breaks it."""
        return self.assembly is not None and self.depth < self.assembly.height

    @property
    def provenance_sha256(self) -> str | None:
        """Of the signed provenance, if there is one by now."""
        sworn = getattr(self, "attestation", None)
        return sworn.provenance_id if sworn is not None and sworn.is_signed else None

    @property
    def bill_sha256(self) -> str | None:
        """Of the bill of materials, if there is one by now."""
        sworn = getattr(self, "attestation", None)
        return sworn.bill_id if sworn is not None and sworn.is_signed else None

    @property
    def is_reproducible(self) -> bool | None:
        """Whether every repetition made the same bytes; None when there is none to tell."""
        found = {repetition.likeness for repetition in self.repetitions.all()} - {""}
        return found == {self.Likeness.SAME} if found else None

    @property
    def difference_url(self) -> str:
        """Where the report on what a repetition made otherwise is downloaded; empty when there is none."""
        return reverse("file", args=[self.difference_id, f"difference-{self.pk}.txt"]) if self.difference_id else ""

    @property
    def may_be_repeated(self) -> bool:
        return self.has_passed and self.revision_id is not None and self.repeats_id is None

    def write_log(self, offset: int, text: bytes) -> None:
        """Add a piece of the running log of this attempt at byte `offset`."""
        LogPiece.objects.create(build=self, attempt=self.attempts, offset=offset, content=text)

    def pieces(self) -> Iterator[bytes]:
        """The log of the present attempt so far."""
        mine = LogPiece.objects.filter(build=self, attempt=self.attempts).order_by("offset")
        for content in mine.values_list("content", flat=True).iterator():
            yield bytes(content)

    def read_log(self, offset: int = 0, most: int = PAGE) -> bytes:
        """At most `most` bytes of the log from byte `offset`; fewer when the build has not written them yet."""
        if self.log is not None:
            with self.log.open() as whole:
                whole.seek(offset)
                return whole.read(most)
        written = LogPiece.objects.filter(build=self, attempt=self.attempts, end__gt=offset).order_by("offset")
        found = b""
        for start, content in written.values_list("offset", "content")[:256]:
            found += bytes(content)[max(offset - start, 0) :]
            if len(found) >= most:
                break
        return found[:most]


def uploads_of(at: str) -> models.Prefetch[Any]:
    """The uploaded files of revisions that are reached along `at`, with what they match."""
    return models.Prefetch(f"{at}artifacts", queryset=Artifact.objects.with_match().select_related("blob"))


def repetitions_of(at: str = "") -> models.Prefetch[Any]:
    """What tells of the repetitions of builds that are reached along `at`."""
    told = Build.objects.only("repeats", "likeness", "state").order_by("pk")
    return models.Prefetch(f"{at}repetitions", queryset=told)


class LogPiece(models.Model):
    """A piece of a running build's log; swept into one blob when the build ends."""

    build = models.ForeignKey(Build, on_delete=models.CASCADE, related_name="log_pieces")
    attempt = models.PositiveSmallIntegerField()
    offset = models.BigIntegerField()
    content = models.BinaryField()
    end = models.GeneratedField(
        expression=F("offset")
        + models.Func(F("content"), function="octet_length", output_field=models.BigIntegerField()),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["build", "attempt", "offset"], name="one_log_piece_at_an_offset")
        ]

    def __str__(self) -> str:
        return f"log of build {self.build_id} from byte {self.offset}"


class ArtifactQuerySet(models.QuerySet["Artifact"]):
    def visible_to(self, person: Any) -> Self:
        """Files of builds, and uploads of contributions, that this person may know of."""
        known = Contribution.objects.visible_to(person)
        return self.filter(of_known(person, "build__") | Q(revision__contribution__in=known))

    def called(self, name: str) -> Self:
        """Files of this name, whatever directory a build made them in."""
        return self.filter(Q(name=name) | Q(name__endswith=f"/{name}"))

    def with_match(self) -> Self:
        """With `matching_build`, the portal's own build of what an upload says it was made from, if it is the same."""
        own = Build.objects.originals().filter(
            state=Build.State.PASSED,
            revision=OuterRef("revision__claims"),
            release=OuterRef("revision__release"),
            artifacts__blob=OuterRef("blob"),
        )
        return self.annotate(matching_build=Subquery(own.order_by("pk").values("pk")[:1]))

    def published_for(self, component: int) -> Self:
        """All that was ever in the feed for the component, withdrawn or not."""
        built = Q(build__publications__release__component=component)
        return self.filter(built | Q(revision__publications__release__component=component)).distinct()


class Artifact(models.Model):
    """A file that a build made, or that a contributor uploaded."""

    build = models.ForeignKey(Build, on_delete=models.PROTECT, null=True, blank=True, related_name="artifacts")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, null=True, blank=True, related_name="artifacts")
    name = models.CharField(max_length=255)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="artifacts")
    media_type = models.CharField(max_length=100, blank=True, help_text="What the bytes are, told by the bytes.")
    contents = models.JSONField(
        default=dict,
        blank=True,
        help_text="Of an archive: members and bytes in all; the first, listed as [path, size].",
    )

    objects = ArtifactQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(build=None, revision__isnull=False) | Q(build__isnull=False, revision=None),
                name="artifact_has_one_maker",
            ),
            models.UniqueConstraint(fields=["build", "name"], name="one_artifact_of_a_name_per_build"),
            models.UniqueConstraint(fields=["revision", "name"], name="one_artifact_of_a_name_per_revision"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("file", args=[self.blob_id, self.filename])

    @property
    def filename(self) -> str:
        """Its name without the directory that its build made it in."""
        return str(self.name.rpartition("/")[2])

    @property
    def size(self) -> int:
        return self.blob.size

    @property
    def sha256(self) -> str:
        return self.blob_id

    @property
    def maker(self) -> Revision | None:
        """The revision that it was built from or uploaded as; None for one of the bare release."""
        return self.build.revision if self.build is not None else self.revision

    @property
    def match(self) -> int | None:
        """The number of the portal's build that an upload is byte for byte; `with_match` finds it for many at once."""
        if "matching_build" not in self.__dict__:
            found: Any = Artifact.objects.with_match().get(pk=self.pk)
            self.__dict__["matching_build"] = found.matching_build
        number: int | None = self.__dict__["matching_build"]
        return number

    @property
    def origin(self) -> str:
        """Who vouches for it, in words."""
        if self.revision is None:
            return f"built here, build {self.build_id}"
        if self.match is not None:
            return f"matches the portal's build {self.match} byte for byte"
        contribution = self.revision.contribution
        return f"unverified upload, built by {contribution.organisation or contribution.author}"

    @property
    def is_built_here(self) -> bool:
        return self.build_id is not None
