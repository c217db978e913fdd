"""What a customer shares with the peers who run the same code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Case, F, GeneratedField, Q, Value, When
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from .component import Component
from .moves import Stateful
from .person import Organisation, Person
from .release import Release
from .tag import Tag

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from .transfer import Transfer

TITLE_LENGTH = 200
PRECEDENCE = {"approved": 0, "open": 1, "changes-requested": 2, "rejected": 3, "withdrawn": 4}


def visible_to_all(at: str = "") -> Q:
    """The condition that everybody may see a contribution, reached along `at`: received, made public, not held."""
    return Q(**{f"{at}current__isnull": False, f"{at}quarantined_at": None, f"{at}is_draft": False})


def known_to(person: Person, at: str = "") -> Q:
    """The condition that this person may know of a contribution, reached along `at`.

    One's own at once, so that a refusal can be read and mended; of what is in quarantine, what one maintains.
    """
    if person.is_staff:
        return Q(**{f"{at}pk__isnull": False})
    maintained = person.maintained_components.values("pk")
    kept = Q(**{f"{at}component__in": maintained, f"{at}current__isnull": False, f"{at}is_draft": False})
    return visible_to_all(at) | Q(**{f"{at}author": person}) | kept | among_colleagues(person, at)


def among_colleagues(person: Person, at: str = "") -> Q:
    """The condition that it is a draft of this person's organisation as a whole: one that was made from its fork."""
    ours = person.memberships.order_by().values("organisation")
    return Q(**{f"{at}is_draft": True, f"{at}is_internal": True, f"{at}organisation__in": ours})


class ContributionQuerySet(models.QuerySet["Contribution"]):
    def visible_to(self, person: Person | AnonymousUser) -> Self:
        """All that was received whole, made public, and is not in quarantine; and what only this person may know of."""
        return self.filter(known_to(person) if isinstance(person, Person) else visible_to_all())

    def hidden_from(self, person: Person | AnonymousUser) -> Self:
        """The few that this person may not see: fewer than the others, so what is counted is counted without them."""
        few = self.filter(Q(current=None) | Q(is_draft=True) | Q(quarantined_at__isnull=False))
        return few.exclude(known_to(person)) if isinstance(person, Person) else few

    def in_state(self, state: str) -> Self:
        """By its precedence, which says the same and is what the index of the best begins with."""
        return self.filter(precedence=PRECEDENCE[state])

    def to_settle(self) -> Self:
        """Those whose rules are due to be looked at, the longest due first; what is in quarantine waits."""
        return self.filter(settles_at__lte=Now(), quarantined_at=None).order_by("settles_at", "pk")

    def of_kind(self, kind: str) -> Self:
        return self.filter(kind=kind)

    def needing_review_by(self, person: Person) -> Self:
        """Open work on components this person maintains, without the person's own."""
        return self.filter(state=Contribution.State.OPEN, component__maintainers=person).exclude(
            Q(author=person) | Q(pk__in=person.given_transfers.accepted().values("contribution"))
        )

    def unreviewed(self) -> Self:
        """Open work that nobody has approved yet."""
        return self.filter(state=Contribution.State.OPEN, waits_since__isnull=False)

    def with_names(self) -> Self:
        """Everything a row of a list names, in the same query."""
        return self.select_related("component", "author", "organisation", "release", "current")


class Contribution(Stateful):
    class Kind(models.TextChoices):
        REFINEMENT = "refinement", _("Refinement")
        IMPROVEMENT = "improvement", _("Improvement")
        EXECUTABLE = "executable", _("Executable")
        EXPERIENCE = "experience", _("Experience")

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        CHANGES_REQUESTED = "changes-requested", _("Changes requested")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    class UpstreamStatus(models.TextChoices):
        PENDING = "pending", _("Pending")
        SUBMITTED = "submitted", _("Submitted")
        BACKPORT = "backport", _("Backport")
        INAPPROPRIATE = "inappropriate", _("Inappropriate")
        APPLIED = "applied", _("Applied upstream")

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        "open": frozenset({"changes-requested", "approved", "rejected", "withdrawn"}),
        "changes-requested": frozenset({"open", "approved", "rejected", "withdrawn"}),
        "approved": frozenset({"open", "changes-requested", "rejected", "withdrawn"}),
        "rejected": frozenset({"open", "changes-requested", "approved", "withdrawn"}),
    }

    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="contributions")
    kind = models.CharField(max_length=12, choices=Kind)
    title = models.CharField(max_length=TITLE_LENGTH)
    description = models.TextField(blank=True)
    description_html = models.TextField(blank=True, editable=False)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="contributions")
    organisation = models.ForeignKey(
        Organisation, on_delete=models.SET_NULL, null=True, blank=True, related_name="contributions"
    )
    release = models.ForeignKey(
        Release, on_delete=models.PROTECT, null=True, blank=True, related_name="contributions",
        help_text="The release it was made for.",
    )  # fmt: skip
    state = models.CharField(max_length=20, choices=State, default=State.OPEN)
    current = models.ForeignKey(
        "Revision", on_delete=models.PROTECT, null=True, editable=False, related_name="+",
        help_text="The newest revision that was received whole.",
    )  # fmt: skip
    licence = models.CharField(max_length=60, blank=True, help_text="An SPDX expression; empty is the component's.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    is_draft = models.BooleanField(
        default=False, editable=False, help_text="Only its author sees it: it was not made public yet."
    )
    is_internal = models.BooleanField(
        default=False, editable=False, help_text="While it is a draft its organisation's members see it too."
    )
    shares_at = models.DateTimeField(
        null=True, editable=False, help_text="Of a draft: when it is public by itself, unless it overlaps; or never."
    )
    joined = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, editable=False, related_name="joiners",
        help_text="The contribution that its author joined instead.",
    )  # fmt: skip
    upstream_status = models.CharField(
        max_length=20, choices=UpstreamStatus, default=UpstreamStatus.PENDING,
        help_text="As Yocto's Upstream-Status says it.",
    )  # fmt: skip
    upstream_link = models.CharField(max_length=500, blank=True, help_text="Where it was sent to, or comes from.")
    upstream_commit = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Of what upstream has: its commit, if the portal knows it."
    )
    upstream_reason = models.CharField(max_length=200, blank=True, help_text="Why it is not for upstream.")
    depends_on = models.ManyToManyField(
        "self", symmetrical=False, blank=True, related_name="needed_by",
        help_text="What must be on before it, besides what its commits say.",
    )  # fmt: skip
    tags = models.ManyToManyField(Tag, blank=True, related_name="contributions")
    holds_for = models.ManyToManyField(
        Release, blank=True, related_name="notes_that_hold", help_text="Of an experience: where it is true."
    )
    quarantined_at = models.DateTimeField(
        null=True, editable=False, help_text="Set while staff keep it out of sight; its state is as it was."
    )
    settles_at = models.DateTimeField(
        null=True, editable=False, help_text="When its rules are looked at again, because they or the time may tell."
    )

    # Totals, recomputed from rows by Standing; never added to.
    up = models.PositiveIntegerField(default=0, editable=False)
    down = models.PositiveIntegerField(default=0, editable=False)
    comment_count = models.PositiveIntegerField(default=0, editable=False)
    question_count = models.PositiveIntegerField(
        default=0, editable=False, help_text="Questions without an accepted answer."
    )
    running_count = models.PositiveIntegerField(
        default=0, editable=False, help_text="Organisations whose newest report says that it works for them."
    )
    fit_count = models.PositiveIntegerField(default=0, editable=False, help_text="Supported releases it applies to.")
    upstream_count = models.PositiveIntegerField(
        default=0, editable=False, help_text="Supported releases that have it."
    )
    release_count = models.PositiveIntegerField(
        default=0, editable=False, help_text="Supported releases judged so far."
    )
    green_count = models.PositiveIntegerField(default=0, editable=False, help_text="Releases whose last build passed.")
    red_count = models.PositiveIntegerField(default=0, editable=False, help_text="Releases whose last build failed.")
    score = models.FloatField(default=0, editable=False, help_text="The best of its scores on supported releases.")
    activity = models.FloatField(default=0, editable=False)
    waits_since = models.FloatField(
        null=True, editable=False, help_text="Its last evidence, in seconds since 1970, while nobody has approved it."
    )

    precedence = GeneratedField(
        expression=Case(*(When(state=state, then=Value(rank)) for state, rank in PRECEDENCE.items()), default=Value(9)),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
    objects = ContributionQuerySet.as_manager()

    ORDERS: ClassVar[dict[str, tuple[str, ...]]] = {
        "best": ("precedence", "-score", "-pk"),
        "active": ("-activity", "-pk"),
        "newest": ("-pk",),
        "deployed": ("-running_count", "-score", "-pk"),
        "review": ("waits_since", "pk"),
    }

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index("precedence", F("score").desc(), F("id").desc(), name="contribution_best"),
            models.Index(
                "component", "precedence", F("score").desc(), F("id").desc(), name="contribution_best_of_component"
            ),
            models.Index(F("activity").desc(), F("id").desc(), name="contribution_active"),
            models.Index(F("running_count").desc(), F("score").desc(), F("id").desc(), name="contribution_deployed"),
            models.Index("component", F("id").desc(), name="contribution_of_component"),
            models.Index("waits_since", "id", condition=Q(state="open"), name="contribution_waiting"),
            models.Index(fields=["settles_at"], condition=~Q(settles_at=None), name="contribution_settles"),
            models.Index(
                fields=["component"],
                condition=Q(current=None) | Q(is_draft=True) | Q(quarantined_at__isnull=False),
                name="contribution_hidden",
            ),
            models.Index(fields=["shares_at"], condition=~Q(shares_at=None), name="contribution_shares"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.title}"

    def get_absolute_url(self) -> str:
        return reverse("contribution", args=[self.pk])

    @property
    def number(self) -> int:
        return int(self.pk)

    @property
    def is_withdrawn(self) -> bool:
        return self.state == self.State.WITHDRAWN

    @property
    def is_public(self) -> bool:
        """Whether everybody may see it; `visible_to_all` asks the same of the database."""
        return self.current_id is not None and not self.is_quarantined and not self.is_draft

    @property
    def is_compared(self) -> bool:
        """Whether it is a draft, received, that becomes public by itself as soon as nothing was found to be like it."""
        return self.is_draft and self.shares_at is not None and self.current_id is not None and not self.is_withdrawn

    @property
    def waits_for_its_author(self) -> bool:
        """Whether it is a draft whose author has yet to say that everybody may see it."""
        return self.is_draft and self.shares_at is None and self.current_id is not None and not self.is_withdrawn

    @property
    def is_quarantined(self) -> bool:
        return self.quarantined_at is not None

    @property
    def has_patch(self) -> bool:
        return self.kind in {self.Kind.REFINEMENT, self.Kind.IMPROVEMENT}

    def is_by(self, person: Any) -> bool:
        return bool(person.pk) and self.author_id == person.pk

    @cached_property
    def handings(self) -> list[Transfer]:
        """How it was handed over, the newest first, and the offer that waits; read once."""
        return list(self.transfers.standing().select_related("giver", "taker"))

    @property
    def former_authors(self) -> frozenset[int]:
        """The keys of those who handed it over: they never judge it, as little as its author does."""
        return frozenset(transfer.giver_id for transfer in self.handings if transfer.is_accepted)

    def is_or_was_by(self, person: Any) -> bool:
        return self.is_by(person) or (bool(person.pk) and person.pk in self.former_authors)

    @property
    def may_be_handed_over(self) -> bool:
        return self.is_public and not self.is_withdrawn

    def may_be_revised_by(self, person: Any) -> bool:
        is_free = not self.is_quarantined or bool(person.is_staff)
        return self.is_by(person) and not self.is_withdrawn and is_free

    def may_be_tagged_by(self, person: Any) -> bool:
        """Those who keep its component in order, and its author."""
        if not person.is_authenticated or self.is_withdrawn or (self.is_quarantined and not person.is_staff):
            return False
        return self.is_by(person) or person.is_staff or self.component.is_maintained_by(person)

    def may_be_confirmed_by(self, person: Any) -> bool:
        """Whether it is for this person to say that a commit of upstream is this contribution."""
        if not self._is_open_to(person) or self.is_withdrawn or self.current_id is None:
            return False
        return self.is_by(person) or bool(person.is_staff) or self.component.is_maintained_by(person)

    def may_be_joined_by(self, person: Any) -> bool:
        """Whether this person may give it up for another one."""
        return self.is_by(person) and not self.is_withdrawn and not self.is_quarantined

    def may_be_withdrawn_by(self, person: Any) -> bool:
        if not person.is_authenticated or self.is_withdrawn:
            return False
        return self.is_by(person) or person.is_staff

    def may_be_voted_on_by(self, person: Any) -> bool:
        return self._is_open_to(person) and not self.is_or_was_by(person) and not self.is_withdrawn

    def may_be_ticked_by(self, person: Any) -> bool:
        return self.may_be_voted_on_by(person) and not self.is_draft

    def may_be_reported_on_by(self, person: Any) -> bool:
        return self._is_open_to(person) and not self.is_withdrawn and person.organisation is not None

    def may_be_discussed_by(self, person: Any) -> bool:
        return self._is_open_to(person) and not self.is_draft

    def may_be_ported_by(self, person: Any) -> bool:
        """Everybody who may take part: who can bring it to a release need not be its author."""
        return self.may_be_discussed_by(person) and self.has_patch and not self.is_withdrawn and bool(self.current_id)

    def may_be_placed_by(self, person: Any) -> bool:
        """Whether it is for this person to say what upstream was told of it: its author, its maintainers, staff."""
        return self.has_patch and self.may_be_tagged_by(person)

    def may_settle_answers(self, person: Any) -> bool:
        """Whether it is for this person to accept an answer to anybody's question here."""
        if not self.may_be_discussed_by(person):
            return False
        return self.is_by(person) or bool(person.is_staff) or self.component.is_maintained_by(person)

    def _is_open_to(self, person: Any) -> bool:
        """While it is in quarantine only staff add to it; to a draft nobody does."""
        return bool(person.is_authenticated) and (person.is_staff or not self.is_quarantined) and not self.is_draft

    def may_be_reviewed_by(self, person: Any) -> bool:
        if not self._is_open_to(person) or self.is_withdrawn or self.current is None:
            return False
        return self.component.is_maintained_by(person) and not self.is_or_was_by(person)
