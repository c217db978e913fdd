"""Stacks through their pages and REST: who sees what of them, what is refused, and what happens at once."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contributions.actions.assembling import assemble
from contributions.actions.depending import set_dependencies
from contributions.actions.stacking import copy_stack, make_stack, move, pick
from contributions.errors import Clash, Invalid, NotAllowed, TooLarge
from contributions.models import Assembly, Contribution, Event, Pick, Stack
from contributions.models.stack import MOST_PICKS
from tests import factories
from tests.pages.conftest import Platform, body, signed_in
from tests.waiting import at_once

if TYPE_CHECKING:
    from contributions.models import Person

pytestmark = pytest.mark.django_db
SECRET = "quokka"
FACES = ("/stacks/", "/stacks/?show=public", "/api/v1/stacks/", "/audit/", "/audit.atom", "/audit/history.csv",
         "/api/v1/audit/", "/", "/components/swiftclient/", "/organisations/northern-hosting/", "/people/author/",
         "/notifications/", "/contributions/{c}/", "/contributions/{c}/matrix/", "/contributions/{c}.atom",
         "/api/v1/contributions/{c}/")  # fmt: skip
ITS_OWN = ("/stacks/{s}/", "/stacks/{s}/assemblies/1/", "/api/v1/stacks/{s}/", "/api/v1/stacks/{s}/assemblies/",
           "/api/v1/stacks/{s}/assemblies/1/")  # fmt: skip


def private(platform: Platform) -> Stack:
    """Made and laid by the author, as the actions do it."""
    author: Any = platform.people["author"]
    stack = make_stack(
        author=author, component=platform.component, release=platform.release, name=f"The {SECRET} stack",
        organisation=platform.organisation, note=f"A {SECRET}.", contributions=[platform.contribution],
    )  # fmt: skip
    assemble(person=author, stack=stack)
    return stack


def read(person: Person | None, address: str) -> tuple[int, str]:
    answer = signed_in(person).get(address)
    return answer.status_code, body(answer).decode("utf-8", "replace")


@pytest.mark.attack("W16")
@pytest.mark.parametrize("role", ["stranger", "member", "maintainer"])
def test_no_face_tells_others_of_a_private_stack(platform: Platform, role: str) -> None:
    stack = private(platform)
    parts = {"c": platform.contribution.pk, "s": stack.pk}
    person = platform.people[role]
    assert {read(person, address.format(**parts))[0] for address in ITS_OWN} == {404}
    told = {address for address in FACES if SECRET in read(person, address.format(**parts))[1]}
    assert told == set()
    colleague = factories.make_person(organisation=platform.organisation)
    assert {read(colleague, address.format(**parts))[0] for address in ITS_OWN} == {200}, "the control"
    assert SECRET in read(colleague, "/stacks/")[1], "the control"


@pytest.mark.attack("W16")
def test_a_public_stack_shows_of_a_hidden_patch_only_that_there_is_one(platform: Platform) -> None:
    hidden = factories.make_contribution(component=platform.component, release=platform.release, title=SECRET)
    stack = factories.make_stack(platform.contribution, hidden, is_public=True)
    factories.make_assembly(stack)
    addresses = [address.format(s=stack.pk) for address in ITS_OWN]
    assert SECRET in read(None, addresses[0])[1], "the control"
    hidden.quarantined_at = timezone.now()
    hidden.save()
    for person in (None, platform.people["member"]):
        texts = {address: read(person, address) for address in addresses}
        assert [status for status, _ in texts.values()] == [200, 404, 200, 200, 404]
        assert not any(SECRET in text or f"#{hidden.pk}" in text for _, text in texts.values())
        assert "that you may not see" in texts[addresses[0]][1]
    status, text = read(stack.author, addresses[1])
    assert status == 200
    assert SECRET not in text
    assert f"#{hidden.pk} is in quarantine." in text


@pytest.mark.attack("W16")
def test_nobody_picks_what_they_may_not_know_of(platform: Platform) -> None:
    author: Any = platform.people["author"]
    stack = factories.make_stack(platform.contribution, author=author)
    other = factories.make_contribution(component=platform.component, is_draft=True, title=SECRET)
    answer = signed_in(author).post(f"/stacks/{stack.pk}/picks/", {"contribution": f"#{other.pk}"})
    assert answer.status_code == 404
    assert SECRET not in body(answer).decode()
    assert stack.picks.count() == 1


def test_a_copy_holds_what_its_maker_may_see_and_is_private(platform: Platform) -> None:
    hidden = factories.make_contribution(component=platform.component, release=platform.release)
    stack = factories.make_stack(platform.contribution, hidden, is_public=True)
    hidden.quarantined_at = timezone.now()
    hidden.save()
    member: Any = platform.people["member"]
    made = copy_stack(person=member, stack=stack)
    assert not made.is_public
    assert list(made.picks.values_list("contribution", flat=True)) == [platform.contribution.pk]


def test_two_hundred_are_the_most_and_cost_no_more_queries_than_two(platform: Platform) -> None:
    author: Any = platform.people["author"]
    few = factories.make_stack(platform.contribution, author=author)
    many = factories.make_stack(platform.contribution, author=author)
    rows = Contribution.objects.bulk_create(
        Contribution(component=platform.component, author=author, kind="refinement", title=f"Patch {n}",
                     release=platform.release, current=platform.contribution.current)
        for n in range(MOST_PICKS)
    )  # fmt: skip
    Pick.objects.bulk_create(Pick(stack=many, contribution=row, position=n + 1) for n, row in enumerate(rows[1:]))
    with pytest.raises(TooLarge, match="200 patches at the most"):
        pick(person=author, stack=many, contributions=rows[:1])
    counts = []
    for stack in (few, many):
        client = signed_in(author)
        client.get(f"/stacks/{stack.pk}/")
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/stacks/{stack.pk}/").status_code == 200
        counts.append(len(captured))
    assert counts[1] <= counts[0] <= 40


def test_what_is_missing_is_named_with_a_button_and_a_circle_is_refused(platform: Platform) -> None:
    author: Any = platform.people["author"]
    one = platform.contribution
    two = factories.make_contribution(component=platform.component, release=platform.release, author=author)
    set_dependencies(author=author, contribution=one, on=[two.pk])
    stack = factories.make_stack(one, author=author)
    page = read(author, f"/stacks/{stack.pk}/")[1]
    assert f"#{one.pk} depends on #{two.pk}: add it." in page
    assert f'<button class="button button-small" name="contribution" value="{two.pk}">' in page
    signed_in(author).post(f"/stacks/{stack.pk}/picks/", {"contribution": str(two.pk)})
    assert "depends on" in read(author, f"/stacks/{stack.pk}/")[1]
    with pytest.raises(Clash, match="neither could go first"):
        set_dependencies(author=author, contribution=two, on=[one.pk])
    with pytest.raises(Invalid, match="depend on itself"):
        set_dependencies(author=author, contribution=one, on=[one.pk])
    two.depends_on.add(one)
    answer = signed_in(author).post(f"/stacks/{stack.pk}/assemble/")
    assert answer.status_code == 409
    assert f"#{one.pk} depends on #{two.pk}, which depends on #{one.pk}." in body(answer).decode()


def test_what_a_hidden_part_is_needed_for_is_not_told_to_strangers(platform: Platform) -> None:
    author: Any = platform.people["author"]
    one = platform.contribution
    two = factories.make_contribution(component=platform.component, release=platform.release, author=author)
    set_dependencies(author=author, contribution=one, on=[two.pk])
    stack = factories.make_stack(one, two, author=author, is_public=True)
    named = f"#pick-{two.pk}"
    assert named in read(None, f"/stacks/{stack.pk}/")[1], "the control"
    Contribution.objects.filter(pk=two.pk).update(quarantined_at=timezone.now())
    assert named not in read(None, f"/stacks/{stack.pk}/")[1]
    assert named in read(author, f"/stacks/{stack.pk}/")[1]


def test_a_long_chain_of_needs_costs_no_more_queries_than_a_short_one(platform: Platform) -> None:
    author: Any = platform.people["author"]
    link: Any = Contribution.depends_on.through
    chain = [factories.make_contribution(component=platform.component, author=author) for _ in range(30)]
    pairs = pairwise(each.pk for each in chain)
    link.objects.bulk_create(link(from_contribution_id=a, to_contribution_id=b) for a, b in pairs)
    counts = []
    for needed in (chain[0], chain[-3]):
        with CaptureQueriesContext(connection) as captured, pytest.raises(Clash, match="neither could go first"):
            set_dependencies(author=author, contribution=chain[-1], on=[needed.pk])
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_rest_tells_ones_own_stacks_from_those_that_are_public(platform: Platform) -> None:
    author: Any = platform.people["author"]
    mine = factories.make_stack(platform.contribution, author=author)
    away = factories.make_stack(platform.contribution, author=author, archived_at=timezone.now())
    shown = factories.make_stack(platform.contribution, is_public=True)
    Stack.objects.exclude(pk__in=[mine.pk, away.pk, shown.pk]).delete()
    shows = {"carried": [mine.pk], "archived": [away.pk], "public": [shown.pk], "all": [shown.pk, away.pk, mine.pk]}
    for show, numbers in shows.items():
        answer = signed_in(author).get(f"/api/v1/stacks/?show={show}").json()
        assert [row["id"] for row in answer["results"]] == numbers, show


def test_only_what_others_may_see_and_lay_is_depended_on(platform: Platform) -> None:
    author: Any = platform.people["author"]
    about = {"component": platform.component, "author": author}
    draft = factories.make_contribution(is_draft=True, **about)
    note = factories.make_contribution(kind=Contribution.Kind.EXPERIENCE, **about)
    elsewhere = factories.make_contribution()
    for other, said in ((draft, "that others may see"), (note, "Only patches"), (elsewhere, "another component")):
        with pytest.raises(Invalid, match=said):
            set_dependencies(author=author, contribution=platform.contribution, on=[other.pk])
    assert not platform.contribution.depends_on.exists()


def test_picks_change_their_places_and_follow_or_are_pinned(platform: Platform) -> None:
    author: Any = platform.people["author"]
    about = {"component": platform.component, "author": author}
    one, two, three = (factories.make_contribution(**about) for _ in range(3))
    stack = factories.make_stack(one, two, three, author=author, release=platform.release)
    Pick.objects.filter(stack=stack).update(position=7)  # as two that were added at once may have it

    def done(contribution: Contribution, **act: str) -> list[int]:
        answer = signed_in(author).post(f"/stacks/{stack.pk}/picks/{contribution.pk}/", act)
        assert answer.status_code == 302
        return [pick.contribution_id for pick in stack.picks.order_by("position", "pk")]

    assert done(one, act="down") == [two.pk, one.pk, three.pk]
    assert done(three, act="up") == [two.pk, three.pk, one.pk]
    told = Event.objects.filter(stack=stack).count()
    assert done(two, act="up") == done(one, act="down") == [two.pk, three.pk, one.pk], "the ends stay"
    assert Event.objects.filter(stack=stack).count() == told == 2
    refused = factories.make_revision(one, state="refused")
    Contribution.objects.filter(pk=one.pk).update(current=one.revisions.get(number=1))
    pinned = f"/stacks/{stack.pk}/picks/{one.pk}/"
    assert signed_in(author).post(pinned, {"act": "pin", "revision": str(refused.number)}).status_code == 400
    done(one, act="pin", revision="1")
    assert stack.picks.get(contribution=one).revision == one.revisions.get(number=1)
    done(one, act="pin", revision="")
    assert stack.picks.get(contribution=one).revision is None


def test_what_a_pick_cannot_be_is_refused_in_a_sentence(platform: Platform) -> None:
    author: Any = platform.people["author"]
    stack = factories.make_stack(platform.contribution, author=author)
    address = f"/stacks/{stack.pk}/picks/{platform.contribution.pk}/"
    for revision, said in (("9", "has no received v9"), ("two", "told by its number"), ("9" * 30, "by its number")):
        answer = signed_in(author).post(address, {"act": "pin", "revision": revision})
        assert (answer.status_code, said in body(answer).decode()) == (400, True)
    with pytest.raises(Invalid, match="up or down"):
        move(person=author, stack=stack, contribution=platform.contribution.pk, to="sideways")
    assert Pick.objects.get(stack=stack).revision is None


def test_who_asks_again_has_tried_again_what_gave_up_and_built_what_was_only_laid(platform: Platform) -> None:
    author: Any = platform.people["author"]
    stack = factories.make_stack(platform.contribution, author=author, release=platform.release)
    other = factories.make_assembly(is_to_build=False)
    row = assemble(person=author, stack=stack, build=False)
    rows = Assembly.objects.filter(pk=row.pk)

    def asked(state: str, *, build: bool, **given: Any) -> tuple[str, bool, int]:
        rows.update(state=state, attempts=3, sentence="It failed.", finished_at=timezone.now(), **given)
        assert assemble(person=author, stack=stack, build=build) == row
        row.refresh_from_db()
        return row.state, row.is_to_build, row.builds.count()

    for state in ("errored", "refused"):
        assert asked(state, build=False) == ("queued", False, 0)
        assert (row.attempts, row.sentence, row.finished_at) == (0, "", None)
    laid = {"height": 1, "order": [{"state": "applied", "commit": "a" * 40}]}
    assert asked("ready", build=False, **laid) == ("ready", False, 0)
    assert asked("ready", build=True, **laid | {"height": 0}) == ("ready", True, 0), "nothing is left to build"
    assert asked("conflicts", build=True, **laid) == ("conflicts", True, 0)
    assert asked("ready", build=True, **laid) == asked("ready", build=True, **laid) == ("ready", True, 1)
    other.refresh_from_db()
    assert not other.is_to_build


def test_an_archived_stack_keeps_its_history_and_changes_no_more(platform: Platform) -> None:
    stack = private(platform)
    author: Any = platform.people["author"]
    signed_in(author).post(f"/stacks/{stack.pk}/archive/")
    stack.refresh_from_db()
    assert stack.is_archived
    with pytest.raises(Clash, match="archived"):
        assemble(person=author, stack=stack)
    assert stack.assemblies.count() == 1
    assert signed_in(author).post(f"/stacks/{stack.pk}/archive/", {"back": "yes"}).status_code == 302
    assert assemble(person=author, stack=stack) == stack.assemblies.get()


def test_nobody_makes_a_stack_of_an_organisation_that_is_not_theirs(platform: Platform) -> None:
    member: Any = platform.people["member"]
    with pytest.raises(NotAllowed):
        make_stack(
            author=member, component=platform.component, release=platform.release, name="Theirs",
            organisation=platform.organisation,
        )  # fmt: skip
    answer = signed_in(member).post(
        "/stacks/new/?component=swiftclient",
        {"name": "Theirs", "release": platform.release.slug, "organisation": "northern-hosting"},
    )
    assert answer.status_code == 400
    assert not Stack.objects.exists()


def test_a_search_becomes_a_stack(platform: Platform) -> None:
    author: Any = platform.people["author"]
    page = read(author, "/stacks/new/?q=retries")[1]
    assert f'name="contribution" value="{platform.contribution.pk}" checked' in page
    form = {"name": "Found", "release": platform.release.slug, "contribution": [str(platform.contribution.pk)]}
    assert signed_in(author).post("/stacks/new/?q=retries", form).status_code == 302
    assert Stack.objects.get().picks.get().contribution == platform.contribution
    assert Event.objects.filter(verb=Event.Verb.STACKED, stack=Stack.objects.get()).exists()


def test_whoever_asks_without_end_is_told_when_to_come_back(platform: Platform) -> None:
    stack = private(platform)
    author: Any = platform.people["author"]
    client = signed_in(author)
    for _ in range(28):
        Event.objects.write(Event.Verb.LOCKED, actor=author, stack=stack)
    assert client.post(f"/stacks/{stack.pk}/assemble/").status_code == 302, "the thirtieth, and the control"
    assert client.post(f"/stacks/{stack.pk}/assemble/").status_code == 429
    assert Assembly.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_have_one_assembly_and_one_build() -> None:
    organisation = factories.make_organisation("Northern Hosting")
    members = [factories.make_person(organisation=organisation) for _ in range(2)]
    stack = factories.make_stack(author=members[0], organisation=organisation)
    here, made = Stack.objects.filter(pk=stack.pk), []

    def ask(member: Person, *, build: bool) -> None:
        made.append(assemble(person=member, stack=stack, build=build).pk)

    with at_once(here, *[partial(ask, member, build=False) for member in members]):
        assert not Assembly.objects.exists(), "the control: both wait for the stack"
    row = Assembly.objects.get()
    assert made == [row.pk, row.pk]
    whole = factories.make_assembly(factories.make_stack(*[one.contribution for one in stack.picks.all()]))
    ready = {"state": "ready", "order": whole.order, "height": whole.height, "commit": whole.commit, "tree": whole.tree}
    Assembly.objects.filter(pk=row.pk).update(**ready)
    with at_once(here, *[partial(ask, member, build=True) for member in members]):
        assert not row.builds.exists(), "the control"
    assert Assembly.objects.filter(stack=stack).count() == row.builds.count() == 1
