"""People, the organisations they belong to, and the tokens their machines carry."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .former import FormerName, refuse_former_name

if TYPE_CHECKING:
    from datetime import datetime

TOKEN_PREFIX = "pb_"  # noqa: S105 - the public start of every token, so that secret scanners can name it

TOKEN_USER = "__token__"  # noqa: S105 - the user name that stands for “the password is a token”, as on PyPI


def secret_in(authorization: str) -> str | None:
    """The secret of a token in an Authorization header: `Token …`, `Bearer …`, or as the password of git and pip."""
    scheme, _, given = authorization.strip().partition(" ")
    if scheme.lower() in {"token", "bearer"}:
        return given.strip()
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return secret if name == TOKEN_USER or secret.startswith(TOKEN_PREFIX) else None


WATCHED = timedelta(days=30)  # how long a page says that an account or an organisation changed hands


def is_watched(changed_hands_at: datetime | None) -> bool:
    return changed_hands_at is not None and timezone.now() - changed_hands_at < WATCHED


class Person(AbstractUser):
    """An account. The username is public; the mail address is not."""

    class RecallMail(models.TextChoices):
        OWNED = "owned", _("When it touches an organisation that I own")
        ALL = "all", _("When it touches any organisation that I belong to")
        NONE = "none", _("Never")

    name = models.CharField("full name", max_length=100, blank=True)
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    about = models.CharField(max_length=500, blank=True)
    time_zone = models.CharField(max_length=60, blank=True, help_text="Such as Europe/Berlin; empty is the browser's.")
    recall_mail = models.CharField("mail about recalls", max_length=10, choices=RecallMail, default=RecallMail.OWNED)
    mail_rules = models.JSONField(
        default=dict, blank=True, help_text="What mail is about -> how often; what is not named is as usual."
    )
    changed_hands_at = models.DateTimeField(
        null=True, editable=False, help_text="When its mail address or its last proof of identity was replaced."
    )

    class Meta:
        verbose_name_plural = "people"
        ordering = ["username"]

    def __str__(self) -> str:
        return self.name or self.username

    def get_absolute_url(self) -> str:
        return reverse("person", args=[self.username])

    def clean(self) -> None:
        super().clean()
        refuse_former_name(FormerName.Kind.PERSON, self, "username")

    def get_full_name(self) -> str:
        return self.name or self.username

    def get_short_name(self) -> str:
        return self.username

    @property
    def changed_hands_lately(self) -> bool:
        return is_watched(self.changed_hands_at)

    @property
    def organisation(self) -> Organisation | None:
        """The organisation this person speaks for: the one chosen last, else the one joined first."""
        chosen = F("chosen_at").desc(nulls_last=True)
        membership = self.memberships.select_related("organisation").order_by(chosen, "joined_at", "pk").first()
        return membership.organisation if membership else None

    def may_be_suspended_by(self, person: Any) -> bool:
        """Staff suspend people, superusers also staff; nobody themself."""
        if not (person.is_authenticated and person.is_staff) or person.pk == self.pk:
            return False
        return bool(person.is_superuser or not self.is_staff)


class Organisation(models.Model):
    """A customer, a partner or the vendor."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer"
        PARTNER = "partner"
        VENDOR = "vendor"

    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.CUSTOMER)
    sector = models.CharField(max_length=60, blank=True, help_text="What it does, such as telecoms.")
    about = models.TextField(max_length=2000, blank=True)
    website = models.URLField(blank=True)
    changed_hands_at = models.DateTimeField(null=True, editable=False, help_text="When its owners last changed.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("organisation", args=[self.slug])

    @property
    def changed_hands_lately(self) -> bool:
        return is_watched(self.changed_hands_at)

    def clean(self) -> None:
        super().clean()
        refuse_former_name(FormerName.Kind.ORGANISATION, self, "slug")

    def owner_keys(self) -> list[int]:
        """The primary keys of the people who own it."""
        owners = self.memberships.filter(role=Membership.Role.OWNER)
        return list(owners.values_list("person_id", flat=True))

    def may_be_run_by(self, person: Any) -> bool:
        return bool(person.pk) and self.memberships.filter(person=person, role=Membership.Role.OWNER).exists()


class Membership(models.Model):
    class Role(models.TextChoices):
        MEMBER = "member"
        OWNER = "owner"

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="memberships")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)
    joined_at = models.DateTimeField(db_default=Now(), editable=False)
    chosen_at = models.DateTimeField(null=True, editable=False, help_text="When its person chose to speak for it.")

    class Meta:
        ordering = ["joined_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "person"],
                name="one_membership",
                violation_error_message="This person is a member already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} at {self.organisation}"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self) -> Self:
        unexpired = Q(expires_at=None) | Q(expires_at__gt=Now())
        return self.filter(unexpired, revoked_at=None, person__is_active=True)

    def bearing(self, secret: str) -> ApiToken | None:
        """The usable token whose secret this is."""
        digest = ApiToken.digest_of(secret)
        return self.usable().select_related("person").filter(digest=digest).first()


class ApiToken(models.Model):
    """A machine's key to its owner's rights, stored as a SHA-256: 256 random bits need no salt."""

    class Scope(models.TextChoices):
        READ = "read"
        WRITE = "write"
        REVIEW = "review"

    SCOPES_HELP: ClassVar[dict[str, str]] = {
        Scope.READ: "read what you may read",
        Scope.WRITE: "submit, vote, comment, report and withdraw as you",
        Scope.REVIEW: "approve, request changes and reject as you, and keep what you maintain",
    }

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def digest_of(secret: str) -> str:
        return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()

    @classmethod
    def make_secret(cls) -> str:
        return TOKEN_PREFIX + secrets.token_urlsafe(32)

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    def allows(self, scope: str) -> bool:
        return scope in self.scopes

    def was_used(self) -> None:
        """Note the use, at most once a minute, so that reading the feed does not write a row each time."""
        stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - timedelta(minutes=1))
        ApiToken.objects.filter(stale, pk=self.pk).update(last_used_at=Now())
