"""A component of the platform: one git repository, who maintains it and how it is built."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from contributions import patterns
from contributions.errors import Invalid
from contributions.rules import Rules, is_expression

from .former import FormerName, refuse_former_name
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet

if TYPE_CHECKING:
    from .person import Person

SLUG = RegexValidator(r"^[a-z0-9][a-z0-9.-]*$", "Use small letters, digits, dots and hyphens.")
ANY_VERSION = r"v?\d+(\.\d+)*"
ANY_CANDIDATE = r"v?\d+(\.\d+)*[.-]?(a|b|rc|alpha|beta)\.?\d+"
MOST_LICENCES = 30


def check_licences(licences: Any) -> None:
    if not isinstance(licences, list) or not all(isinstance(name, str) for name in licences):
        raise ValidationError("Give a list of licences, each a text.")
    if len(licences) > MOST_LICENCES:
        raise ValidationError(f"{MOST_LICENCES} licences are the most.")
    for name in licences:
        if not is_expression(name):
            raise ValidationError(f"{name[:60]!r} is no SPDX expression, such as MIT or Apache-2.0.")


class Component(models.Model):
    slug = models.CharField(max_length=60, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    summary = models.CharField(max_length=200, blank=True)
    upstream_url = models.CharField(max_length=500, help_text="Where its git repository is pulled from.")
    homepage = models.URLField(blank=True)
    licence = models.CharField(max_length=60, blank=True, help_text="An SPDX expression, such as Apache-2.0.")
    release_pattern = models.CharField(
        max_length=200,
        default=ANY_VERSION,
        help_text="A regular expression; tags and branches that match it whole become releases.",
    )
    candidate_pattern = models.CharField(
        max_length=200,
        default=ANY_CANDIDATE,
        blank=True,
        help_text="The same for tags that come before a release; they are retired when it is there. Empty: none.",
    )
    watch_minutes = models.PositiveIntegerField(
        default=60, validators=[MaxValueValidator(10_080)],
        help_text="How often upstream is pulled by the clock, in minutes; 0: only when somebody asks for it.",
    )  # fmt: skip
    approvals_needed = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(9)]
    )
    executable_approvals_needed = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(1), MaxValueValidator(9)],
        help_text="For prebuilt executables, whose source nobody here has built.",
    )  # fmt: skip
    cool_down_days = models.PositiveSmallIntegerField(
        default=3, validators=[MaxValueValidator(90)],
        help_text="How long the work of a newcomer, or of an account or organisation that changed hands, waits.",
    )  # fmt: skip
    green_build_needed = models.BooleanField(default=True, help_text="Approved only with a passed build.")
    sign_off_needed = models.BooleanField(default=False, help_text="Each commit is signed off by its author (DCO).")
    accepted_licences = models.JSONField(
        default=list, blank=True, validators=[check_licences],
        help_text="SPDX expressions taken beside the component's own licence.",
    )  # fmt: skip
    maintainers = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="maintained_components")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    WATCHING: ClassVar[tuple[str, ...]] = ("release_pattern", "candidate_pattern", "watch_minutes")
    RULES: ClassVar[tuple[str, ...]] = (
        *("approvals_needed", "executable_approvals_needed", "cool_down_days"),
        *("green_build_needed", "sign_off_needed", "accepted_licences"),
    )

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(approvals_needed__gte=1),
                name="component_needs_an_approval",
                violation_error_message="A component needs one approval or more.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("component", args=[self.slug])

    @property
    def rules(self) -> Rules:
        """What it asks of a contribution before it is approved."""
        asked = {name: getattr(self, name) for name in self.RULES}
        licences = tuple(asked.pop("accepted_licences"))
        return Rules(self.name, licence=self.licence, accepted_licences=licences, **asked)

    @property
    def rules_digest(self) -> str:
        """Tells whether the rules are still those that somebody looked at."""
        return self._digest(self.RULES)

    @property
    def watching_digest(self) -> str:
        """The same for how upstream is watched."""
        return self._digest(self.WATCHING)

    def _digest(self, names: tuple[str, ...]) -> str:
        told = {name: getattr(self, name) for name in names}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def may_be_kept_by(self, person: Any) -> bool:
        """Whether this person says what its rules are and which releases are supported."""
        return bool(person.is_authenticated) and (person.is_staff or self.is_maintained_by(person))

    def may_be_advised_on_by(self, person: Any) -> bool:
        return self.may_be_kept_by(person)

    def clean(self) -> None:
        """Refuse the name of a component that is gone: whoever installs by it must not get another's work."""
        super().clean()
        refuse_former_name(FormerName.Kind.COMPONENT, self, "slug")
        self.check_patterns()

    def check_patterns(self) -> None:
        """Raises ValidationError, by field, for what no name can be held against."""
        refused = {}
        for field in ("release_pattern", "candidate_pattern"):
            try:
                patterns.read(getattr(self, field), field.replace("_", " "))
            except Invalid as refusal:
                refused[field] = refusal.sentence
        if refused:
            raise ValidationError(refused)

    def is_maintained_by(self, person: Person) -> bool:
        return person.is_authenticated and self.maintainers.filter(pk=person.pk).exists()


class UpstreamFetch(Work):
    """One pull of a component's upstream, asked for by staff, by a command or by the clock."""

    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING
        DONE = "done"
        REFUSED = "refused"
        ERRORED = ERRORED

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "done", "refused", ERRORED}),
        ERRORED: frozenset({QUEUED}),
    }

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="fetches")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)

    objects = WorkQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "lease_until"], name="fetch_waiting")]
        constraints = [
            models.UniqueConstraint(
                fields=["component"], condition=models.Q(state=QUEUED), name="one_fetch_waits_per_component"
            ),
        ]

    def __str__(self) -> str:
        return f"fetch {self.pk} of {self.component}"


class Recipe(models.Model):
    """How a component is built. Each part is a shell script; what a build used is told by the digest."""

    component = models.OneToOneField(Component, on_delete=models.CASCADE, related_name="recipe")
    prepare = models.TextField(
        blank=True, help_text="May use the network, sees only upstream code; leaves its results in /prepared."
    )
    build = models.TextField(help_text="Runs without a network in the patched work tree.")
    test = models.TextField(blank=True, help_text="Runs after the build, without a network.")
    artifact_patterns = models.JSONField(
        default=list, blank=True, help_text='Globs below the work tree, such as ["dist/*.whl"].'
    )
    environment = models.JSONField(
        default=dict, blank=True, help_text="Names and values; {release} and {build} are filled in."
    )
    toolchain = models.CharField(max_length=60, blank=True, help_text="The name of a prepared, read-only directory.")
    image = models.CharField(
        max_length=200, blank=True, help_text="The base image, by digest, where builds run in containers."
    )
    idle_seconds = models.PositiveIntegerField(
        default=300, validators=[MinValueValidator(1), MaxValueValidator(36_000)],
        help_text="How long a build may be silent.",
    )  # fmt: skip
    wall_seconds = models.PositiveIntegerField(
        default=600, validators=[MinValueValidator(1), MaxValueValidator(36_000)]
    )
    memory_mb = models.PositiveIntegerField(default=2048, validators=[MinValueValidator(64)])
    disk_mb = models.PositiveIntegerField(default=1024, validators=[MinValueValidator(16)])
    processes = models.PositiveIntegerField(default=256, validators=[MinValueValidator(8)])

    LIMITS: ClassVar[tuple[str, ...]] = ("wall_seconds", "idle_seconds", "memory_mb", "disk_mb", "processes")
    SCRIPTS: ClassVar[tuple[str, ...]] = (
        "prepare",
        "build",
        "test",
        "artifact_patterns",
        "environment",
        "toolchain",
        "image",
    )

    def __str__(self) -> str:
        return f"recipe of {self.component}"

    def as_data(self) -> dict[str, Any]:
        """Everything that decides what a build does, as plain JSON values."""
        return {name: getattr(self, name) for name in (*self.SCRIPTS, *self.LIMITS)}

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of `as_data`."""
        return hashlib.sha256(json.dumps(self.as_data(), sort_keys=True).encode()).hexdigest()
