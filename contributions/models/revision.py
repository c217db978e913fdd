"""v1, v2, ...: the immutable bytes of a contribution, and how far the portal is with receiving them."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from .blob import Blob
from .contribution import Contribution
from .person import Person
from .release import Release
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet


class RevisionQuerySet(WorkQuerySet):
    def own(self) -> Self:
        """Those that are the contribution's way, v1, v2, ...: without ports, which are for one release each."""
        return self.filter(ports=None)

    def ports(self) -> Self:
        """Ports that nobody has taken back."""
        return self.filter(ports__isnull=False, withdrawn_at=None)


class Revision(Work):
    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, "receiving"
        RECEIVED = "received"
        REFUSED = "refused"
        ERRORED = ERRORED

    class Source(models.TextChoices):
        PATCH = "patch"
        BUNDLE = "bundle"
        GIT = "git"
        ARTIFACT = "artifact"
        NOTE = "note"
        SUGGESTION = "suggestion"
        FORK = "fork"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "received", "refused", ERRORED}),
        ERRORED: frozenset({QUEUED}),
    }

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    source = models.CharField(max_length=10, choices=Source)
    raw = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="The bytes as they were sent."
    )
    filename = models.CharField(max_length=255, blank=True)
    git_url = models.CharField(max_length=500, blank=True)
    git_ref = models.CharField(max_length=255, blank=True)
    release = models.ForeignKey(
        Release,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The release it was made for.",
    )
    claims = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="claimed_by",
        help_text="Of an executable: the revision of a patch that it says it was built from.",
    )  # fmt: skip
    amends = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="amended_by",
        help_text="The revision that its suggested edits change.",
    )  # fmt: skip
    ports = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="ported_by",
        help_text="Of a port: the revision that it brings to `release`, and to no other.",
    )  # fmt: skip
    approved_at = models.DateTimeField(
        null=True, editable=False, help_text="Of a port: since when it may be published on its release."
    )
    taught_at = models.DateTimeField(
        null=True, editable=False, help_text="Of a port: when the portal learnt how it settled conflicts."
    )
    withdrawn_at = models.DateTimeField(null=True, editable=False, help_text="Of a port: when it was taken back.")
    text = models.TextField(blank=True, help_text="Of an experience: the note as this revision has it, in Markdown.")
    html = models.TextField(blank=True, editable=False)
    note = models.TextField(blank=True, help_text="What changed since the revision before.")
    submitted_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    once = models.CharField(
        max_length=100, blank=True, editable=False, help_text="Its sender's key: sent twice, it is made once."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)

    # Set once, when received. The bundle is the truth; the rest is derived from it. What comes from a fork names its
    # base beforehand: upstream may not have it, and then the bundle holds it as well.
    base_commit = models.CharField(max_length=64, blank=True)
    tip_commit = models.CharField(max_length=64, blank=True)
    bundle = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    mbox = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    diff = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    sides = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+",
        help_text="A ZIP of each touched file before and after it, as far as they are not too large.",
    )  # fmt: skip
    commits = models.JSONField(default=list, help_text="Per commit: sha, subject, body, author, authored_at.")
    files = models.JSONField(
        default=list, help_text="Per file: path, old_path, status, added, removed, start, end in the diff."
    )
    fingerprint = models.CharField(max_length=64, blank=True, db_index=True, help_text="git patch-id --stable.")
    fingerprints = models.JSONField(default=dict, help_text="Path -> a digest of what happens to that file.")
    carries = models.JSONField(
        default=dict, help_text="The number of each earlier revision whose evidence holds here -> same or partly."
    )
    licences = models.JSONField(default=list, help_text="Licences that it writes into files: [path, expression].")
    warnings = models.JSONField(default=list)

    objects = RevisionQuerySet.as_manager()

    class Meta:
        ordering = ["contribution", "-number"]
        indexes = [models.Index(fields=["state", "lease_until"], name="revision_waiting")]
        constraints = [
            models.UniqueConstraint(fields=["contribution", "number"], name="one_revision_of_a_number"),
            models.UniqueConstraint(
                fields=["submitted_by", "once"], condition=~models.Q(once=""), name="one_revision_of_a_sender_and_key"
            ),
            models.CheckConstraint(
                condition=models.Q(ports=None) | models.Q(release__isnull=False), name="a_port_names_its_release"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.contribution_id} v{self.number}"

    def get_absolute_url(self) -> str:
        return f"{reverse('contribution-changes', args=[self.contribution_id])}?revision={self.number}"

    @property
    def label(self) -> str:
        return f"v{self.number}"

    @property
    def is_port(self) -> bool:
        return self.ports_id is not None

    def may_be_withdrawn_by(self, person: Any) -> bool:
        """Of a port: whoever sent it, the contribution's author, its component's maintainers and staff."""
        if not self.is_port or self.withdrawn_at is not None or not person.is_authenticated:
            return False
        contribution = self.contribution
        keeps = bool(person.is_staff) or contribution.component.is_maintained_by(person)
        return keeps or person.pk in {self.submitted_by_id, contribution.author_id}

    @property
    def is_received(self) -> bool:
        return self.state == self.State.RECEIVED

    @property
    def added(self) -> int:
        return sum(file["added"] for file in self.files)

    @property
    def removed(self) -> int:
        return sum(file["removed"] for file in self.files)
