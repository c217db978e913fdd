"""Who hears of what happens to what a stack holds: its people, once, unless they muted it, and their webhooks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from contributions.actions.following import follow, mute_stack, thing_called, unfollow
from contributions.actions.quarantining import quarantine, restore
from contributions.errors import Missing
from contributions.models import Contribution, Delivery, Event, Follow, Notification
from contributions.pipeline.mailing import gather, mail
from contributions.pipeline.telling import tell_waiting
from contributions.pipeline.wording import place_of, sentence_of, words_of
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Person, Stack

pytestmark = pytest.mark.django_db


@pytest.fixture
def member() -> Person:
    return factories.make_person("member", organisation=factories.make_organisation("Northern Hosting"))


@pytest.fixture
def patch() -> Contribution:
    return factories.make_contribution(release=factories.make_release())


@pytest.fixture
def stack(member: Person, patch: Contribution) -> Stack:
    return factories.make_stack(patch, author=member, organisation=member.organisation)


def happen(verb: str, contribution: Contribution | None, **things: Any) -> None:
    Event.objects.write(verb, contribution=contribution, **things)
    tell_waiting()


def heard(person: Person) -> list[str]:
    return list(person.notifications.filter(why="stack").order_by("pk").values_list("event__verb", flat=True))


def test_its_people_hear_of_what_is_withdrawn_yanked_taken_in_or_stranded(
    member: Person, patch: Contribution, stack: Stack
) -> None:
    elsewhere = factories.make_release(patch.component)
    happen("withdrawn", patch)
    happen("unpublished", patch, release=stack.release)
    happen("stranded", patch, release=stack.release, revision=patch.current)
    happen("stranded", patch, release=elsewhere, revision=patch.current)  # the forecast tells of it
    happen("taken", patch, release=elsewhere, revision=patch.current)
    assert heard(member) == ["withdrawn", "unpublished", "stranded", "taken"]


def test_what_changes_nothing_for_a_stack_is_not_told(member: Person, patch: Contribution, stack: Stack) -> None:
    del stack
    happen("withdrawn", factories.make_contribution(component=patch.component))
    happen("published", patch)
    happen("fitted", patch, revision=patch.current, text="conflicts")
    assert not Notification.objects.filter(person=member).exists()


def test_of_quarantine_who_carries_it_hears_the_number_and_neither_why_nor_by_whom(
    member: Person, patch: Contribution, stack: Stack
) -> None:
    staff = factories.make_person("watchful", is_staff=True)
    others = factories.make_stack(patch, is_public=True)
    onlooker = factories.make_person()
    follow(person=onlooker, thing=others)
    archived = factories.make_stack(patch, archived_at=timezone.now())
    webhook = factories.make_webhook(member.organisation, topics=["stacks"])
    quarantine(person=staff, contribution=patch, reason="It holds a key.")
    tell_waiting()
    assert heard(member) == heard(others.author) == ["withheld"]
    assert heard(archived.author) == []
    assert not onlooker.notifications.exists()
    (told,) = Notification.objects.seen_by(member)
    assert sentence_of(told.event).startswith(f"#{patch.pk} in {stack} is in quarantine")
    assert place_of(told.event) == stack.get_absolute_url()
    sent = Delivery.objects.get(webhook=webhook)
    assert (sent.word, json.loads(sent.body)["stack"]["number"]) == ("stack-withheld", stack.pk)
    letter = f"{sentence_of(told.event)} {words_of(told.event)} {sent.body}"
    assert not [word for word in ("key", staff.username, patch.title) if word in letter]
    restore(person=staff, contribution=patch, reason="It was a test key.")
    tell_waiting()
    assert heard(member) == ["withheld", "restored"]


def test_an_advisory_is_told_where_an_affected_revision_is_held(
    member: Person, patch: Contribution, stack: Stack
) -> None:
    affected = patch.current
    newer = factories.make_revision(patch)
    advisory = factories.make_advisory(affected)
    stack.picks.update(revision=newer)
    happen("advised", None, component=patch.component, advisory=advisory)
    assert heard(member) == []
    stack.picks.update(revision=affected)
    happen("advised", None, component=patch.component, advisory=advisory)
    stack.picks.update(revision=None)
    happen("advised", None, component=patch.component, advisory=advisory)
    assert heard(member) == ["advised", "advised"]


def test_a_newer_approved_revision_is_told_to_who_carries_an_older_one(
    member: Person, patch: Contribution, stack: Stack
) -> None:
    stack.picks.update(revision=patch.current)
    happen("approved", patch, revision=patch.current)  # the very one that is pinned
    assert heard(member) == []
    happen("approved", patch, revision=factories.make_revision(patch))
    assert heard(member) == ["approved"]


def test_who_follows_the_current_revision_hears_once_something_older_was_laid(
    member: Person, patch: Contribution, stack: Stack
) -> None:
    assembly = factories.make_assembly(stack)
    assembly.contributions.set([patch])
    happen("approved", patch, revision=patch.current)
    assert heard(member) == []
    happen("approved", patch, revision=factories.make_revision(patch))
    assert heard(member) == ["approved"]


def test_of_two_stacks_and_a_followed_patch_one_line_is_told(member: Person, patch: Contribution, stack: Stack) -> None:
    factories.make_stack(patch, author=member, organisation=stack.organisation)
    follow(person=member, thing=patch)
    happen("withdrawn", patch)
    assert Notification.objects.filter(person=member).count() == 1


def test_only_members_hear_and_of_a_stack_of_nobodys_organisation_its_author(
    member: Person, patch: Contribution, stack: Stack
) -> None:
    del stack
    alone, left = factories.make_person("alone"), factories.make_person("left", organisation=member.organisation)
    factories.make_stack(patch, author=alone, organisation=None)
    factories.make_stack(patch, author=left, organisation=factories.make_organisation())
    left.memberships.all().delete()
    happen("withdrawn", patch)
    told = Notification.objects.filter(why="stack").values_list("person__username", flat=True)
    assert set(told) == {"member", "alone"}


def test_a_stack_that_is_archived_is_silent(member: Person, patch: Contribution, stack: Stack) -> None:
    type(stack).objects.update(archived_at=timezone.now())
    happen("withdrawn", patch)
    assert heard(member) == []


def test_each_mutes_a_stack_for_themselves(member: Person, patch: Contribution, stack: Stack) -> None:
    colleague = factories.make_person(organisation=member.organisation)
    mute_stack(person=member, stack=stack)
    happen("withdrawn", patch)
    assert (heard(member), heard(colleague)) == ([], ["withdrawn"])
    unfollow(person=member, thing=stack)
    happen("unpublished", patch)
    assert heard(member) == ["unpublished"]


def test_mail_about_other_things_goes_on_when_a_stack_is_muted(
    member: Person, patch: Contribution, stack: Stack, mailoutbox: list[Any]
) -> None:
    mute_stack(person=member, stack=stack)
    other = factories.make_contribution(author=member)
    member.mail_rules = {"yours": "now"}
    member.save()
    happen("withdrawn", other, actor=factories.make_person())
    Notification.objects.update(due_at=timezone.now())
    gather()
    [mailing] = member.mailings.all()
    mail(mailing.pk)
    assert len(mailoutbox) == 1
    assert other.title in mailoutbox[0].body
    assert patch.pk != other.pk


def test_a_public_stack_is_followed_and_silent_once_it_is_private_again(patch: Contribution, stack: Stack) -> None:
    stranger = factories.make_person()
    with pytest.raises(Missing):
        thing_called(stranger, "stack", str(stack.pk))
    type(stack).objects.update(is_public=True)
    follow(person=stranger, thing=thing_called(stranger, "stack", str(stack.pk)))
    happen("withdrawn", patch)
    type(stack).objects.update(is_public=False)
    happen("unpublished", patch)
    verbs = Notification.objects.filter(person=stranger).values_list("why", "event__verb")
    assert list(verbs) == [("following", "withdrawn")]
    assert not Follow.objects.seen_by(stranger).exists()


def test_a_webhook_for_stacks_hears_what_its_organisations_stacks_hold(
    member: Person, patch: Contribution, stack: Stack
) -> None:
    ours = factories.make_webhook(member.organisation, topics=["stacks", "recalls"])
    factories.make_webhook(factories.make_organisation(), topics=["stacks"])
    factories.make_webhook(member.organisation, topics=["feed"])
    happen("taken", patch, release=stack.release, revision=patch.current)
    [delivery] = Delivery.objects.all()
    assert (delivery.webhook, delivery.word) == (ours, "contribution-taken")
    told = json.loads(delivery.body)
    assert (told["contribution"], told["release"]) == (patch.pk, stack.release.name)


def test_what_is_forecast_is_told_with_a_link_to_it(member: Person, stack: Stack, client: Any) -> None:
    factories.make_webhook(member.organisation, topics=["stacks"])
    target = factories.make_release(stack.component, "9.0")
    happen("forecast", None, component=stack.component, stack=stack, release=target, text="9.0: 1 to drop")
    client.force_login(member)
    page = client.get("/notifications/").content.decode()
    assert f"{stack.name} on {stack.component.name} 9.0: 1 to drop" in page
    [line] = Notification.objects.filter(person=member)
    assert client.get(f"/notifications/{line.pk}/").headers["Location"] == (
        f"/stacks/{stack.pk}/forecast/?release={target.slug}"
    )
    assert json.loads(Delivery.objects.get().body)["stack"] == {"number": stack.pk, "name": stack.name}


def test_who_left_the_organisation_reads_no_more_of_its_stack(member: Person, stack: Stack) -> None:
    happen("forecast", None, component=stack.component, stack=stack, release=stack.release, text="9.0: 1 to drop")
    assert Notification.objects.seen_by(member).count() == 1
    member.memberships.all().delete()
    assert Notification.objects.seen_by(member).count() == 0
