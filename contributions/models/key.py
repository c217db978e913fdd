"""The public halves of the portal's signing keys, so that everybody can check what they signed."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from contributions.signing.keys import PublicKey, key_of_pem


class SigningKeyQuerySet(models.QuerySet["SigningKey"]):
    def of_role(self, role: str) -> Self:
        return self.filter(role=role)

    def trusted(self) -> Self:
        """Keys whose signatures count: a retired one's do, a revoked one's never did."""
        return self.filter(revoked_at=None)


class SigningKey(models.Model):
    """Never deleted: what it signed is out in the world."""

    role = models.CharField(max_length=20)
    keyid = models.CharField(max_length=64)
    pem = models.TextField()
    since = models.DateTimeField(db_default=Now())
    retired_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, help_text="Why it was revoked.")

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["role", "keyid"], name="one_key_of_an_id_per_role")]

    def __str__(self) -> str:
        return f"key {self.keyid[:8]} for {self.role}"

    def get_absolute_url(self) -> str:
        return reverse("key", args=[self.keyid])

    @property
    def public(self) -> PublicKey:
        """The key with what became of it, as signatures are checked by."""
        key = key_of_pem(self.pem.encode())
        return PublicKey(self.role, key, self.since, self.retired_at, self.revoked_at, self.reason)

    @property
    def is_trusted(self) -> bool:
        return self.revoked_at is None

    @property
    def is_current(self) -> bool:
        return self.revoked_at is None and self.retired_at is None

    @property
    def state(self) -> str:
        return "current" if self.is_current else "retired" if self.is_trusted else "revoked"
