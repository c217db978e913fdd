"""What concerns an organisation: what it runs and shared, what was recalled of what it has, and what waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from .advisory import Advisory
from .build import Artifact
from .component import Component
from .contribution import PRECEDENCE, Contribution
from .fork import Fork
from .hearing import PARTS
from .lines import PUBLISHED_THREAD, LineComment
from .publication import Publication
from .revision import Revision
from .transfer import Transfer
from .voices import Comment, FieldReport

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from .contribution import ContributionQuerySet
    from .person import Organisation, Person

WORDS = ("contribution__description", "contribution__description_html")
ORDERS = {
    "offers": ("-pk",),
    "runs": ("component", "-position", "-pk"),
    "asked": ("-pk",),
    "recalled": ("-pk",),
    "review": ("waits_since", "pk"),
    "changes": ("-pk",),
    "questions": ("-pk",),
    "shared": ("-pk",),
    "forks": ("-pk",),
}


@dataclass(frozen=True)
class Dashboard:
    """The lists of an organisation as one of its members sees them; each is in the order that ORDERS names."""

    organisation: Organisation
    person: Person

    def rows(self, section: str) -> QuerySet[Any]:
        """One of the lists; raises KeyError for a name that ORDERS does not have."""
        lists = {
            "offers": self._offers,
            "runs": self._runs,
            "asked": self._asked,
            "recalled": self._recalled,
            "review": self._to_review,
            "changes": self._to_change,
            "questions": self._questions,
            "shared": self._shared,
            "forks": self._forks,
        }
        return lists[section]().order_by(*ORDERS[section])

    def _offers(self) -> QuerySet[Transfer]:
        """What colleagues offer to hand over to this person."""
        return Transfer.objects.to_be_answered_by(self.person).filter(organisation=self.organisation).defer(*WORDS)

    def _runs(self) -> QuerySet[FieldReport]:
        """Its own reports, the unnamed ones too, of what it did not find broken, and what became of each since."""
        affected = Advisory.affected.through.objects.filter(revision=OuterRef("revision"))
        rows = FieldReport.objects.filter(organisation=self.organisation).exclude(outcome=FieldReport.Outcome.BROKEN)
        named = rows.select_related("contribution__component", "release__component").defer("text", "html", *WORDS)
        return named.annotate(
            component=F("contribution__component"),
            position=F("release__position"),
            number=F("revision__number"),
            newest=F("contribution__current__number"),
            is_advised=Exists(affected.filter(advisory__state=Advisory.State.PUBLISHED)),
        )

    def _asked(self) -> QuerySet[FieldReport]:
        """Reports that were asked about and not answered since."""
        return self._runs().filter(asked__gt=0)

    def _recalled(self) -> QuerySet[Contribution]:
        """What was withdrawn, put in quarantine, taken out of the feed or advised against of what it has or runs."""
        touched = Revision.objects.filter(pk__in=self._touched())
        keys, here = touched.values("pk"), OuterRef("pk")
        advised = Advisory.objects.standing().filter(affected__in=keys, affected__contribution=here)
        published = Publication.objects.filter(revision__in=keys, revision__contribution=here)
        gone = published.exclude(state=Publication.State.LIVE)
        rows = Contribution.objects.filter(pk__in=touched.values("contribution")).select_related("component")
        told = rows.annotate(is_advised=Exists(advised), is_unpublished=Exists(gone))
        over = Q(state=Contribution.State.WITHDRAWN) | Q(quarantined_at__isnull=False)
        return told.filter(over | Q(is_advised=True) | Q(is_unpublished=True))

    def _touched(self) -> QuerySet[Any, Any]:
        """The keys of the revisions that it reported on, or has bytes of."""
        have = self.organisation.downloads.order_by().values("blob")
        reported = FieldReport.objects.filter(organisation=self.organisation).order_by().values("revision")
        received = [Revision.objects.filter(**{f"{part}__in": have}).order_by().values("pk") for part in PARTS]
        files = Artifact.objects.filter(blob__in=have).order_by()
        built = files.filter(build__revision__isnull=False).values("build__revision")
        return reported.union(*received, built, files.filter(revision__isnull=False).values("revision"))

    def _to_review(self) -> QuerySet[Contribution]:
        """Open work of others that nobody has approved, on components that members maintain."""
        maintained = Component.objects.filter(maintainers__in=self._members())
        rows = self._seen().unreviewed().filter(component__in=maintained.values("pk"), quarantined_at=None)
        return rows.exclude(author__in=self._members()).exclude(organisation=self.organisation)

    def _to_change(self) -> QuerySet[Contribution]:
        return self._seen().filter(
            organisation=self.organisation, precedence=PRECEDENCE["changes-requested"], quarantined_at=None
        )

    def _questions(self) -> QuerySet[Comment]:
        """Questions that others asked about what it shared, and of which no answer is accepted."""
        free = Q(contribution__organisation=self.organisation) & ~Q(contribution__state=Contribution.State.WITHDRAWN)
        rows = Comment.objects.open_questions().filter(free, contribution__in=self._seen().values("pk"))
        return rows.exclude(author__in=self._members()).select_related("contribution", "author").defer(*WORDS)

    def _shared(self) -> QuerySet[Contribution]:
        threads = LineComment.objects.filter(PUBLISHED_THREAD, contribution=OuterRef("pk"), resolved_at=None)
        count = threads.order_by().values("contribution").annotate(count=Count("pk")).values("count")
        rows = self._seen().filter(organisation=self.organisation)
        return rows.annotate(open_threads=Coalesce(Subquery(count), 0))

    def _forks(self) -> QuerySet[Fork]:
        """The forks that were taken apart for it; only members come here."""
        return Fork.objects.filter(organisation=self.organisation).select_related("component", "release", "author")

    def _seen(self) -> ContributionQuerySet:
        seen = Contribution.objects.visible_to(self.person).select_related("component", "author")
        return seen.defer("description", "description_html")

    def _members(self) -> QuerySet[Any, Any]:
        return self.organisation.memberships.order_by().values("person")
