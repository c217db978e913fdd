"""Transfers: a contribution changes its author by two wills, and who was its author never judges it."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from django.db import connection
from django.utils import timezone

from contributions.actions import transferring
from contributions.actions.reviewing import review
from contributions.actions.submitting import revise
from contributions.actions.voting import vote
from contributions.errors import Clash, Invalid, Missing, NotAllowed, Refusal
from contributions.models import (
    Contribution,
    Event,
    Notification,
    Organisation,
    Person,
    Tick,
    Transfer,
    Vote,
    checklist_of,
)
from contributions.pipeline.notifying import tell
from tests import factories
from tests.api.conftest import Caller
from tests.pages.conftest import signed_in


@pytest.fixture
def ours() -> Organisation:
    return factories.make_organisation("Northern Hosting", owner=factories.make_person("owner"))


@pytest.fixture
def author(ours: Organisation) -> Person:
    return factories.make_person("author", organisation=ours)


@pytest.fixture
def colleague(ours: Organisation) -> Person:
    return factories.make_person("colleague", organisation=ours)


@pytest.fixture
def work(author: Person, ours: Organisation) -> Contribution:
    return factories.make_contribution(author=author, organisation=ours)


def handed(work: Contribution, to: Person) -> Contribution:
    made = transferring.offer(person=work.author, contribution=work, username=to.username)
    return transferring.accept_transfer(person=to, transfer=made)


def left(person: Person) -> None:
    person.memberships.all().delete()


@pytest.mark.django_db
def test_it_is_handed_over_by_two_wills(work: Contribution, author: Person, colleague: Person) -> None:
    offered = transferring.offer(person=author, contribution=work, username="colleague")
    work.refresh_from_db()
    assert work.author == author, "an offer alone changes nothing"
    with pytest.raises(Missing):
        transferring.accept_transfer(person=author, transfer=offered)
    with pytest.raises(Missing):
        transferring.accept_transfer(person=factories.make_person(), transfer=offered)
    now = transferring.accept_transfer(person=colleague, transfer=offered)
    assert now.author == colleague
    assert (now.may_be_revised_by(colleague), now.may_be_revised_by(author)) == (True, False)
    assert (now.may_be_withdrawn_by(colleague), now.may_be_withdrawn_by(author)) == (True, False)
    with pytest.raises(NotAllowed):
        revise(author=author, contribution=now, source=None)  # type: ignore[arg-type]  # it is refused before
    with pytest.raises(Clash):
        transferring.accept_transfer(person=colleague, transfer=offered)
    event = Event.objects.get(verb="transferred")
    assert (event.actor, event.subject, event.text) == (colleague, author, "from author to colleague")


@pytest.mark.django_db
@pytest.mark.attack("T01")
def test_who_was_its_author_never_judges_it(work: Contribution, author: Person, colleague: Person) -> None:
    """A maintainer hands their own work over, to approve it then; the control never was its author."""
    work.component.maintainers.add(author, factories.make_person("control"))
    now = handed(work, colleague)
    control = Person.objects.get(username="control")
    for person, may in ((author, False), (colleague, False), (control, True)):
        fresh = Contribution.objects.get(pk=now.pk)
        assert fresh.may_be_reviewed_by(person) is may
        assert fresh.may_be_voted_on_by(person) is may
        listed = Contribution.objects.needing_review_by(person).filter(pk=now.pk).exists()
        assert listed is may
    with pytest.raises(NotAllowed):
        review(reviewer=author, contribution=now, verdict="approve")
    with pytest.raises(NotAllowed):
        vote(person=author, contribution=now, value=1)
    third = factories.make_person("third", organisation=now.organisation)
    again = handed(now, third)
    assert again.former_authors == {author.pk, colleague.pk}, "however often it is handed on"


@pytest.mark.django_db
@pytest.mark.attack("T01")
def test_an_approval_by_a_colleague_of_a_former_author_is_one_of_a_colleague(
    work: Contribution, author: Person, colleague: Person
) -> None:
    other = factories.make_organisation()
    factories.belong(author, other)
    kin = factories.make_person("kin", organisation=other)
    work.component.maintainers.add(kin)
    work = handed(work, colleague)
    left(colleague)
    review(reviewer=kin, contribution=work, verdict="approve")
    work.refresh_from_db()
    assert work.current is not None
    assert work.current.reviews.get().is_colleague


@pytest.mark.django_db
def test_who_reviewed_it_cannot_become_its_author(
    work: Contribution, author: Person, colleague: Person, ours: Organisation
) -> None:
    factories.make_review(work.current, reviewer=colleague)
    with pytest.raises(Clash, match="who judges it cannot become its author"):
        transferring.offer(person=author, contribution=work, username="colleague")
    owner = ours.memberships.get(role="owner").person
    offered = transferring.offer(person=author, contribution=work, username="owner")
    factories.make_review(work.current, reviewer=owner, verdict="reject")
    with pytest.raises(Clash):
        transferring.accept_transfer(person=owner, transfer=offered)
    offered.refresh_from_db()
    assert offered.state == "open"
    left(author)
    with pytest.raises(Clash):
        transferring.take_over(person=owner, contribution=work)


@pytest.mark.django_db
def test_what_the_new_author_said_for_it_counts_no_longer(
    work: Contribution, author: Person, colleague: Person
) -> None:
    vote(person=colleague, contribution=work, value=1)
    vote(person=factories.make_person(), contribution=work, value=1)
    tick = factories.make_tick(factories.make_claim(work), person=colleague)
    work.refresh_from_db()
    assert work.up == 2
    now = handed(work, colleague)
    assert (now.up, Vote.objects.filter(person=colleague).count()) == (1, 0)
    assert not Tick.objects.filter(pk=tick.pk).exists()
    factories.make_report(now, factories.make_release(now.component), author=author, organisation=None)
    factories.recompute(now)
    assert now.running_count == 0, "nor what its former author reports, for whomever"
    factories.make_report(now, factories.make_release(now.component))
    factories.recompute(now)
    assert now.running_count == 1, "the control"


@pytest.mark.django_db
def test_it_cools_down_and_makes_no_newcomer_known(work: Contribution, colleague: Person) -> None:
    component = work.component
    component.cool_down_days = 3
    component.save()
    factories.approve(factories.make_contribution(author=work.author))
    factories.approve(factories.make_contribution(author=colleague))
    checklist = checklist_of(work)
    assert checklist is not None
    assert "None of this is so" in next(check.detail for check in checklist.checks if check.rule == "cool-down")
    now = Contribution.objects.with_names().get(pk=handed(work, colleague).pk)
    after = checklist_of(now)
    assert after is not None
    detail = next(check.detail for check in after.checks if check.rule == "cool-down")
    assert "which colleague took over, changed hands" in detail
    approved = factories.make_contribution(author=now.author, organisation=now.organisation, component=component)
    factories.approve(approved)
    newcomer = factories.make_person("newcomer", organisation=now.organisation)
    handed(approved, newcomer)
    own = factories.make_contribution(author=newcomer, component=component)
    waiting = checklist_of(Contribution.objects.with_names().get(pk=own.pk))
    assert waiting is not None
    assert "of a first-time contributor" in next(c.detail for c in waiting.checks if c.rule == "cool-down")


@pytest.mark.django_db
def test_only_to_another_member_and_only_while_they_are_one(
    work: Contribution, author: Person, colleague: Person
) -> None:
    stranger = factories.make_person("stranger", organisation=factories.make_organisation())
    for name in ("stranger", "nobody", "author", ""):
        with pytest.raises(Invalid):
            transferring.offer(person=author, contribution=work, username=name)
    with pytest.raises(NotAllowed):
        transferring.offer(person=colleague, contribution=work, username="colleague")
    alone = factories.make_contribution(author=factories.make_person())
    with pytest.raises(Invalid, match="belong to no organisation"):
        transferring.offer(person=alone.author, contribution=alone, username=stranger.username)
    offered = transferring.offer(person=author, contribution=work, username="colleague")
    with pytest.raises(Clash, match="offered to somebody already"):
        transferring.offer(person=author, contribution=work, username="owner")
    left(colleague)
    with pytest.raises(NotAllowed):
        transferring.accept_transfer(person=colleague, transfer=offered)


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["draft", "withdrawn", "quarantined"])
def test_what_is_out_of_sight_or_over_stays_where_it_is(
    work: Contribution, author: Person, colleague: Person, what: str
) -> None:
    offered = transferring.offer(person=author, contribution=work, username="colleague")
    given = {"draft": {"is_draft": True}, "quarantined": {"quarantined_at": timezone.now()}}.get(what)
    Contribution.objects.filter(pk=work.pk).update(**(given or {"state": "withdrawn"}))
    with pytest.raises(Clash):
        transferring.accept_transfer(person=colleague, transfer=offered)
    Transfer.objects.all().delete()
    with pytest.raises(Clash):
        transferring.offer(person=author, contribution=work, username="colleague")


@pytest.mark.django_db
def test_an_owner_takes_over_only_what_was_left_behind(
    work: Contribution, author: Person, colleague: Person, ours: Organisation
) -> None:
    owner = ours.memberships.get(role="owner").person
    with pytest.raises(NotAllowed):
        transferring.take_over(person=owner, contribution=work)
    offered = transferring.offer(person=author, contribution=work, username="colleague")
    left(author)
    private = factories.make_contribution(author=author)
    others = factories.make_organisation(owner=factories.make_person("other-owner"))
    for person, one in ((colleague, work), (others.memberships.get().person, work), (owner, private)):
        with pytest.raises(NotAllowed):
            transferring.take_over(person=person, contribution=one)
    now = transferring.take_over(person=owner, contribution=work)
    assert now.author == owner
    offered.refresh_from_db()
    assert offered.state == "revoked"
    assert now.former_authors == {author.pk}


@pytest.mark.django_db
def test_both_are_told_and_nobody_else_of_the_offer(work: Contribution, author: Person, colleague: Person) -> None:
    offered = transferring.offer(person=author, contribution=work, username="colleague")
    tell(Event.objects.get(verb="offered"))
    assert [row.person for row in Notification.objects.all()] == [colleague]
    assert not Event.objects.visible_to(factories.make_person()).filter(verb="offered").exists()
    transferring.accept_transfer(person=colleague, transfer=offered)
    tell(Event.objects.get(verb="transferred"))
    told = Notification.objects.exclude(event__verb="offered").get()
    assert told.person == author


@pytest.mark.django_db
def test_the_page_offers_accepts_and_takes_back(work: Contribution, author: Person, colleague: Person) -> None:
    page, mine, theirs = f"/contributions/{work.pk}/", signed_in(author), signed_in(colleague)
    assert b"Hand it over" in mine.get(page).content
    assert b"Hand it over" not in theirs.get(page).content
    refused = mine.post(page + "transfer/", {"to": "nobody"})
    assert refused.status_code == 400
    assert "is no other member of" in refused.content.decode()
    assert mine.post(page + "transfer/", {"to": "colleague"}).status_code == 302
    assert b"Become its author" in theirs.get(page).content
    assert b"Become its author" not in signed_in(factories.make_person()).get(page).content
    assert "Offered to you" in theirs.get("/organisations/northern-hosting/dashboard/").content.decode()
    assert mine.post(page + "transfer/decline/").status_code == 302
    assert Transfer.objects.get().state == "revoked"
    mine.post(page + "transfer/", {"to": "colleague"})
    assert theirs.post(page + "transfer/accept/").status_code == 302
    shown = mine.get(page).content.decode()
    assert "author shared it; colleague took it over" in shown
    assert "Hand it over" not in shown


@pytest.mark.django_db
def test_programs_hand_it_over(work: Contribution, author: Person, colleague: Person) -> None:
    one = f"contributions/{work.pk}/"
    made = Caller(author).post(one + "transfer/", {"to": "colleague"})
    assert (made.status_code, made.json()["taker"]) == (201, "colleague")
    assert [row["contribution"] for row in Caller(colleague).listed("me/transfers/")] == [work.pk]
    assert Caller(author).listed("me/transfers/") == []
    assert Caller(factories.make_person()).post(one + "transfer/accept/").status_code == 404
    assert Caller(colleague).post(one + "transfer/accept/").json()["author"] == "colleague"
    assert Caller(colleague).listed("me/transfers/") == []


@pytest.mark.django_db(transaction=True)
def test_accepted_and_taken_back_at_once_one_of_them_is_first(
    work: Contribution, author: Person, colleague: Person
) -> None:
    offered = transferring.offer(person=author, contribution=work, username="colleague")
    together, ends = Barrier(4), []

    def act(person: Person) -> None:
        mine = Transfer.objects.get(pk=offered.pk)
        verb = transferring.accept_transfer if person == colleague else transferring.decline_transfer
        together.wait(60)
        try:
            verb(person=person, transfer=mine)
            ends.append("done")
        except Refusal as refusal:
            ends.append(type(refusal).__name__)
        finally:
            connection.close()

    threads = [Thread(target=act, args=[person]) for person in (author, colleague) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ends) == ["Clash", "Clash", "Clash", "done"]
    work.refresh_from_db()
    offered.refresh_from_db()
    assert (work.author == colleague) is (offered.state == "accepted")
    assert Event.objects.filter(verb="transferred").count() == (offered.state == "accepted")
