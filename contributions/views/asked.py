"""What the address of a list asks for, and the addresses that ask for a little more or less.

The search box writes `q`, and the fields of the form write filters of their own, which are read as if they stood there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from contributions.asking import FIELDS, LONGEST, Question, gathered, read, whole_text, written
from contributions.errors import Invalid
from contributions.models import Contribution
from contributions.models.finding import RELEVANCE, Search

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.http import HttpRequest

    from contributions.models.contribution import ContributionQuerySet

SHOWN = ("component", "release", "kind", "state")
LABELS = {
    RELEVANCE: "Relevant",
    "best": "Best",
    "active": "Active",
    "newest": "Newest",
    "deployed": "Most deployed",
    "review": "Needs review",
}
MINE = "is:mine"


class Asked:
    """The question of one request. What cannot be meant is told in `problem`, and then nothing is found."""

    def __init__(
        self,
        request: HttpRequest,
        *,
        given: Mapping[str, str] | None = None,
        among: ContributionQuerySet | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> None:
        """`given` stands for what the address says, `among` are the list's rows, `kept` is in all its addresses."""
        said = request.GET if given is None else given
        self.kept = kept or {}
        self.order = said.get("order", "").strip()
        self.text = whole_text(said)
        self.is_signed_in = request.user.is_authenticated
        self.problem = ""
        self.search: Search | None = None
        self.question = Question()
        try:
            self.question = gathered(said)
            self.search = Search(self.question, request.user, order=self.order, among=among)
        except Invalid as problem:
            self.problem = problem.sentence

    @property
    def shown(self) -> str:
        """What stands in the search box: the question, or what could not be read."""
        return self.text[:LONGEST] if self.problem else self.question.text

    @property
    def current_order(self) -> str:
        return self.search.order if self.search else "best"

    @property
    def named_order(self) -> str:
        """The order, when it is not the one that the question has by itself."""
        return self.current_order if self.search and self.current_order != self.search.usual else ""

    @property
    def chips(self) -> Iterator[tuple[str, str]]:
        """Each filter, and the address of the same list without it."""
        for group in self.question.groups:
            if any(term.key for term in group):
                yield written(group), self._address(self.question.without([group]), self.named_order)

    @property
    def orders(self) -> Iterator[tuple[str, str, bool]]:
        """The label of each order, the address of the list in it, and whether it is in it now."""
        has_words = self.search is not None and bool(self.search.words)
        for name, label in LABELS.items():
            if name != RELEVANCE or has_words:
                usual = self.search is not None and name == self.search.usual
                yield label, self._address(self.question, "" if usual else name), name == self.current_order

    @property
    def mine(self) -> tuple[str, bool] | None:
        """The address of only one's own among these, or of all again, and whether it is one's own now."""
        if not self.is_signed_in:
            return None
        own = [group for group in self.question.groups if written(group) == MINE]
        if own:
            return self._address(self.question.without(own), self.named_order), True
        return self._address(read(f"{self.question.text} {MINE}", most=2 * LONGEST), self.named_order), False

    @property
    def fields(self) -> dict[str, str]:
        """What the fields of the form show."""
        alone = {name: self.question.alone(FIELDS[name]) for name in SHOWN}
        return {name: term.value for name, term in alone.items() if term}

    @property
    def rest(self) -> str:
        """The question without what the fields show."""
        alone = (self.question.alone(FIELDS[name]) for name in SHOWN)
        return self.question.without([(term,) for term in alone if term]).text

    def respelled(self) -> tuple[str, str] | None:
        """A question that finds more, and its address."""
        text = self.search.respelled() if self.search else ""
        return (text, f"?{urlencode({'q': text} | dict(self.kept))}") if text else None

    def _address(self, question: Question, order: str) -> str:
        asked = {name: value for name, value in (("q", question.text), ("order", order)) if value} | dict(self.kept)
        return f"?{urlencode(asked)}"


def number_meant(asked: Asked) -> int | None:
    """The number of a contribution, when nothing else was typed."""
    digits = asked.text.removeprefix("#")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < len(str(2**63)) else None


def is_there(number: int | None, request: HttpRequest) -> bool:
    return number is not None and Contribution.objects.visible_to(request.user).filter(pk=number).exists()
