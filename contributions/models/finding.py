"""Finding contributions by what somebody asks, in the words of the search language."""

from __future__ import annotations

from contextlib import nullcontext
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, IntegerField, Q
from django.db.models.functions import Cast

from contributions.asking import read
from contributions.errors import Invalid
from contributions.wording import plain_words, sought, words_of

from .contribution import Contribution
from .document import Document, Word
from .filters import Filters, releases_called
from .patience import in_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet

    from contributions.asking import Group, Question, Term

    from .contribution import ContributionQuerySet
    from .person import Person
    from .release import Release

RELEVANCE = "relevance"
ORDERS = (*Contribution.ORDERS, RELEVANCE)
RANKED = 120  # of the best that match, so that a word which is in half of all texts costs no more than a rare one
WEIGHTS = [0.05, 0.2, 0.4, 1.0]  # of code, talk, description and title
FINE = 1_000_000  # a rank is kept as a whole number, which a cursor can name exactly
LIGHT = frozenset({"component", "kind", "state"})  # what a list asks for, by columns of its own
RESPELLED = 3  # words


def found(query: str, person: Person | AnonymousUser) -> QuerySet[Contribution]:
    """What this person may see of what the query asks for, in no order. Raises Invalid with a sentence."""
    return Search(read(query), person).rows


class Search:
    """A question as one person asks it: what it names is looked up at once, what it finds only when it is read.

    Words ask for the most relevant first, all else for the best, unless another order is asked for or `usual` here.
    Raises Invalid for what does not exist.
    """

    def __init__(
        self,
        question: Question,
        person: Person | AnonymousUser,
        *,
        order: str = "",
        usual: str = "",
        among: ContributionQuerySet | None = None,
    ) -> None:
        self.question, self.person = question, person
        self.words = _words(self.question)
        self.usual = usual or (RELEVANCE if self.words else "best")
        self.order = self._order(order or self.question.order)
        self.release = self._release()
        seen = Contribution.objects.visible_to(person) if among is None else among
        self.seen = seen.filter(*self._conditions())

    def _order(self, asked: str) -> str:
        if asked and asked not in ORDERS:
            raise Invalid("The order is one of " + ", ".join(ORDERS) + ".", field="q")
        return "best" if asked == RELEVANCE and not self.words else asked or self.usual

    def _release(self) -> Release | None:
        """The one supported release that is asked for; what is found then tells how it stands there."""
        term = self.question.alone("release")
        releases = releases_called(term.value) if term else []
        return releases[0] if len(releases) == 1 and releases[0].is_supported else None

    def _conditions(self) -> Iterator[Q]:
        filters = Filters(self.person)
        for group in self.question.groups:
            if any(term.key for term in group):
                yield reduce(or_, (_meaning(term, filters) for term in group))
        if self.words:
            yield Q(document__words=_query(self.words))

    @property
    def rows(self) -> ContributionQuerySet:
        """What is found, in no order."""
        return self.seen.unreviewed() if self.order == "review" else self.seen

    @property
    def ranked(self) -> ContributionQuerySet:
        """The same with what its order asks for: how relevant each is, and how it stands on the one release.

        Relevance is asked of the database at once; do so within `in_time`.
        """
        rows = self.rows
        if self.order == RELEVANCE:
            # Fetched first: to plan both as one query takes the database longer than to answer them.
            best = list(rows.order_by(*Contribution.ORDERS["best"]).values_list("pk", flat=True)[:RANKED])
            rank = SearchRank(F("document__words"), _query(self.words), weights=WEIGHTS, cover_density=True)
            rows = Contribution.objects.filter(pk__in=best).annotate(relevance=Cast(rank * FINE, IntegerField()))
        return _standing_on(rows, self.release) if self.release else rows

    @property
    def keys(self) -> tuple[str, ...]:
        """The order by which a list is cut; on one release the best are those best there."""
        if self.order == RELEVANCE:
            return ("-relevance", "-pk")
        if self.release and self.order == "best":
            return ("precedence", "-score_there", "-pk")
        return Contribution.ORDERS[self.order]

    @property
    def marks(self) -> frozenset[str]:
        """The words that were looked for, to be marked in what was found."""
        return frozenset(word for term in self.question.words for word in words_of(term.value))

    def in_time(self) -> AbstractContextManager[None]:
        """To read what is found within."""
        return nullcontext() if all(term.key in LIGHT for term in self.question.terms) else in_time()

    def respelled(self) -> str:
        """The same question with words that exist, if that finds something; else nothing."""
        groups = self.question.groups
        better = _nearest([term for term in self.question.words if not term.is_exact])
        if not better:
            return ""
        text = " ".join(" OR ".join(better.get(term.text, term.text) for term in group) for group in groups)
        with in_time():
            return text if found(text, self.person).exists() else ""


def _words(question: Question) -> str:
    """All that is asked of the texts alone, as one query to them; filters among the words stand for themselves."""
    groups = (_alternatives(group) for group in question.groups if not any(term.key for term in group))
    return " & ".join(f"({words})" for words in groups if words)


def _alternatives(group: Group) -> str:
    pieces = ((sought(term.value), term.is_negated) for term in group)
    return " | ".join(f"!({words})" if negated else f"({words})" for words, negated in pieces if words)


def _query(words: str) -> SearchQuery:
    return SearchQuery(words, config="english", search_type="raw")


def _meaning(term: Term, filters: Filters) -> Q:
    if term.key:
        meaning = reduce(or_, (filters.meaning(term.key, value) for value in term.values))
    else:
        meaning = Q(pk__in=Document.objects.filter(words=_query(sought(term.value))).values("pk"))
    return ~meaning if term.is_negated else meaning


def _standing_on(rows: ContributionQuerySet, release: Release) -> ContributionQuerySet:
    return rows.filter(standings__release=release).annotate(
        score_there=F("standings__score"), fit_there=F("standings__fit"), build_there=F("standings__build_state")
    )


def _nearest(terms: list[Term]) -> dict[str, str]:
    """For each word that no title or description has, one that looks alike."""
    typed = {term.text: word for term in terms for word in plain_words(term.value) if not term.is_negated}
    known = set(Word.objects.filter(text__in=typed.values()).values_list("text", flat=True))
    unknown = [(text, word) for text, word in typed.items() if word not in known][:RESPELLED]
    near = ((text, Word.objects.like(word)) for text, word in unknown)
    return {text: word for text, word in near if word}
