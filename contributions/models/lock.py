"""What a stack was made of when it was assembled, or when its build was signed: a file that is never written again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from .blob import Blob
from .build import Build
from .stack import Assembly, Stack

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from .person import Person

NAME = "patchbay.lock.json"
MBOX, QUILT, BUNDLE = "stack.mbox", "quilt.tar.gz", "stack.bundle"


class LockQuerySet(models.QuerySet["Lock"]):
    def known_to(self, person: Person | AnonymousUser) -> Self:
        """Those of assemblies in which nothing is hidden from this person: a lock names all that was laid."""
        return self.filter(assembly__in=Assembly.objects.known_to(person))

    def with_files(self) -> Self:
        names = ("content", "mbox", "quilt", "pack", "pack_index", "assembly__bundle")
        return self.select_related("stack__component", "assembly__release", "build", *names)


class Lock(models.Model):
    """The lock file and what comes out by it, as bytes: the same for whoever asks, and whenever."""

    stack = models.ForeignKey(Stack, on_delete=models.CASCADE, related_name="locks")
    number = models.PositiveIntegerField()
    assembly = models.ForeignKey(Assembly, on_delete=models.CASCADE, related_name="locks")
    build = models.ForeignKey(
        Build, on_delete=models.PROTECT, null=True, related_name="+", help_text="Whose files it names; none at first."
    )
    content = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    mbox = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, related_name="+", help_text="None where nothing was laid on."
    )
    quilt = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    pack = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    pack_index = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    pack_name = models.CharField(max_length=40, blank=True, help_text="As git calls the pack.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = LockQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["stack", "number"], name="one_lock_of_a_number"),
            models.UniqueConstraint(fields=["assembly", "content"], name="one_lock_of_the_same"),
        ]

    def __str__(self) -> str:
        return f"lock {self.number} of stack {self.stack_id}"

    def get_absolute_url(self) -> str:
        return reverse("lock", args=[self.stack_id, self.number])

    @property
    def sha256(self) -> str:
        return self.content_id

    @property
    def files(self) -> dict[str, Blob]:
        """What can be downloaded, by name."""
        found = {NAME: self.content, MBOX: self.mbox, QUILT: self.quilt, BUNDLE: self.assembly.bundle}
        return {name: blob for name, blob in found.items() if blob is not None}

    @property
    def branch_path(self) -> str:
        """Where git fetches the branch from; empty where nothing was laid on."""
        return f"{self.stack.get_absolute_url()}{self.assembly.number}.git" if self.pack_id else ""
