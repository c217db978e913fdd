"""Claims and ticks: what a contribution says of itself, and whether that came true for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.actions.claiming import set_claims, tick
from contributions.claims import Line, bugs_closed_by, lines_in
from contributions.errors import Clash, Invalid, NotAllowed, TooLarge
from contributions.models import Claim, Contribution, Event, Tick
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Person

pytestmark = pytest.mark.django_db
FIXES = "https://bugs.example.org/12 Names are lost\n#34, a leak"


def claims_of(contribution: Contribution) -> list[tuple[str, str, str]]:
    return [(claim.kind, claim.text, claim.url) for claim in contribution.claims.standing()]


def make_claimed() -> tuple[Contribution, Claim]:
    contribution = factories.make_contribution()
    made = set_claims(author=contribution.author, contribution=contribution, fixes=FIXES, tests="Kill a worker.")
    return contribution, made[0]


def counted(claim: Claim) -> tuple[int, int]:
    row = Claim.objects.with_ticks().get(pk=claim.pk)
    return row.hold_count, row.fail_count


def tried(claim: Claim, holds: bool | None, person: Person | None = None, text: str = "") -> Tick | None:  # noqa: FBT001
    claim = Claim.objects.select_related("contribution").get(pk=claim.pk)
    return tick(person=person or factories.make_person(), claim=claim, holds=holds, text=text)


def test_a_line_is_words_or_an_address_and_words() -> None:
    assert lines_in("https://b.example/1, It leaks\nhttps://b.example/2/\n\n  a  test \na test", field="fixes") == [
        Line("It leaks", "https://b.example/1"),
        Line("b.example/2", "https://b.example/2/"),
        Line("a test"),
    ]
    assert lines_in("javascript:alert(1) x", field="fixes") == [Line("javascript:alert(1) x")], "no address of the web"
    for line in ("https://b.example/1 It leaks", "https://b.example/2/", "words"):
        assert str(*lines_in(line, field="fixes")) == line, "what is shown for editing reads as the same"


def test_too_many_or_too_long_lines_are_refused() -> None:
    with pytest.raises(TooLarge, match="20 is the most"):
        lines_in("\n".join(map(str, range(21))), field="tests")
    with pytest.raises(TooLarge, match="too long"):
        lines_in("x" * 301, field="tests")


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("Fix it\n\nCloses-Bug: #1234567\nChange-Id: I1", ["#1234567"]),
        ("Fix it\n\nFixes: https://bugs.example.org/12\nCloses: #3, #4", ["bugs.example.org/12", "#3", "#4"]),
        ("Fix it\n\nfixes #9", ["#9"]),
        ('Fix it\n\nFixes: 1234567890ab ("swift: Break it")', []),
        ("Fix it\n\nFixes: 12345678 (see there)", []),
        ("Fix it\n\nFixes 3\nof them.", []),
        ("Fixes: #7", ["#7"]),
        ("It fixes #8 for some", []),
        ("Fix\n\nCloses: javascript:alert(1)", []),
    ],
)
def test_trailers_tell_what_commits_close(message: str, found: list[str]) -> None:
    assert [line.text for line in bugs_closed_by([message, message])] == found


def test_what_stays_keeps_its_ticks_and_what_goes_takes_them_along() -> None:
    contribution, first = make_claimed()
    tried(first, holds=True)
    fixes = "#99 new\nhttps://bugs.example.org/12 Names are lost"
    set_claims(author=contribution.author, contribution=contribution, fixes=fixes, tests="")
    assert claims_of(contribution) == [
        ("fixes", "#99 new", ""),
        ("fixes", "Names are lost", "https://bugs.example.org/12"),
    ]
    assert counted(first) == (1, 0)


def test_only_its_author_says_what_it_claims() -> None:
    contribution, _ = make_claimed()
    with pytest.raises(NotAllowed):
        set_claims(author=factories.make_person(is_staff=True), contribution=contribution, fixes="", tests="")
    contribution.move("withdrawn")
    with pytest.raises(NotAllowed):
        set_claims(author=contribution.author, contribution=contribution, fixes="", tests="")
    assert len(claims_of(contribution)) == 3


def test_one_person_ticks_a_claim_once_and_may_change_their_mind() -> None:
    _, claim = make_claimed()
    person = factories.make_person(organisation=factories.make_organisation())
    tried(claim, holds=True, person=person)
    tried(claim, holds=False, person=person, text="It  leaks\nstill.")
    assert counted(claim) == (0, 1)
    made = Tick.objects.get(claim=claim)
    assert (made.text, made.organisation) == ("It leaks still.", person.organisation)
    assert tried(claim, holds=None, person=person) is None
    assert counted(claim) == (0, 0)
    assert list(Event.objects.filter(verb="ticked").order_by("pk").values_list("text", flat=True)) == [
        "holds: Names are lost", "fails: Names are lost", "taken back: Names are lost",
    ]  # fmt: skip


def test_nobody_ticks_their_own_nor_what_is_gone() -> None:
    contribution, claim = make_claimed()
    with pytest.raises(NotAllowed):
        tried(claim, holds=True, person=contribution.author)
    with pytest.raises(Invalid):
        tried(claim, holds=False, text="x" * 301)
    set_claims(author=contribution.author, contribution=contribution, fixes="", tests="")
    with pytest.raises(Clash):
        tried(claim, holds=True)
    assert Tick.objects.count() == 0


def test_a_tick_counts_for_a_later_revision_that_carries_it_and_for_no_other() -> None:
    contribution, claim = make_claimed()
    tried(claim, holds=True)
    touched = factories.make_revision(contribution, carries={})
    Contribution.objects.filter(pk=contribution.pk).update(current=touched)
    assert counted(claim) == (0, 0)
    carrying = factories.make_revision(contribution, carries={"1": "partly"})
    Contribution.objects.filter(pk=contribution.pk).update(current=carrying)
    assert counted(claim) == (1, 0)
