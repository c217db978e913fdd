"""What becomes of a fork's drafts: published one by one or together, retitled, left out, thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contributions.actions import unmasking
from contributions.actions.following import follow
from contributions.actions.sharing import share
from contributions.errors import Clash, Invalid, NotAllowed, TooMany
from contributions.models import Blob, Carried, Contribution, Event, Fit, Fork, Notification, Person, Revision
from contributions.pipeline import unmasking as worker
from contributions.pipeline.receiving import receive
from contributions.pipeline.telling import tell_waiting
from contributions.pipeline.unveiling_forks import unveil_some
from tests import factories
from tests.platform import SHOUT, SONG, SONG_MENDED

from .conftest import make_fork, taken_apart

if TYPE_CHECKING:
    from contributions.models import Component
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db
LOUD = SONG.replace("verse 20\n", "VERSE 20\n")


@pytest.fixture
def three(component: Component, author: Person, fork: Upstream) -> Fork:
    """Taken apart and received: two patches of which the second stands on the first, and one that stands alone."""
    fork.commit("Sing the twentieth louder", song__txt=LOUD)
    fork.commit("Sing the twentieth twice", song__txt=LOUD.replace("VERSE 20\n", "VERSE 20\nVERSE 20\n"))
    fork.commit("Shout", greeting__py=SHOUT)
    return taken_apart(make_fork(component, author, fork))


def drafts(fork: Fork) -> list[Contribution]:
    rows = fork.carried.filter(state="drafted").order_by("position").select_related("contribution")
    return [row.contribution for row in rows if row.contribution]


def test_published_together_followers_hear_of_it_once(three: Fork, author: Person) -> None:
    peer = factories.make_person()
    follow(person=peer, thing=author)
    assert unmasking.publish(person=author, fork=three) == 3
    builds, is_more = unveil_some(three.pk)
    del builds
    tell_waiting()
    assert not is_more
    assert [draft.is_draft for draft in drafts(three)] == [False] * 3
    assert Notification.objects.filter(person=peer).count() == 1
    assert (
        Event.objects.filter(verb="shared").order_by("pk").values_list("text", flat=True)[0].startswith("with 2 more")
    )


def test_what_stands_on_a_hidden_draft_is_not_published_before_it(three: Fork, author: Person) -> None:
    first, second, _ = drafts(three)
    with pytest.raises(Clash, match=f"stands on #{first.pk}"):
        share(person=author, contribution=second)
    unmasking.publish(person=author, fork=three, positions=[2])
    unveil_some(three.pk)
    row = three.carried.get(position=2)
    assert (row.is_draft, row.asked_at) == (True, None)
    assert f"#{first.pk}" in row.sentence
    share(person=author, contribution=first)
    share(person=author, contribution=second)
    assert not drafts(three)[1].is_draft


def test_what_is_like_something_that_is_shared_stays_a_draft(three: Fork, author: Person) -> None:
    shout = drafts(three)[2]
    other = factories.make_contribution(component=three.component)
    Revision.objects.filter(pk=other.current.pk).update(fingerprint=shout.current.fingerprint)
    unmasking.publish(person=author, fork=three, positions=[3])
    unveil_some(three.pk)
    row = three.carried.get(position=3)
    assert row.is_draft
    assert f"#{other.pk}" in row.sentence
    share(person=author, contribution=shout)
    assert not three.carried.get(position=3).is_draft


def test_a_draft_gets_another_title_or_is_left_out_and_drafted_again(three: Fork, author: Person) -> None:
    row = three.carried.get(position=3)
    assert unmasking.retitle(person=author, carried=row, title=" Greet loudly ").title == "Greet loudly"
    assert drafts(three)[2].title == "Greet loudly"
    gone = drafts(three)[2]
    left = unmasking.leave_out(person=author, carried=row)
    gone.refresh_from_db()
    assert (left.state, gone.state, gone.current, gone.description) == ("left-out", "withdrawn", None, "")
    assert "Greet" not in gone.title
    assert gone.revisions.get().raw is None
    again = unmasking.draft_all_the_same(person=author, carried=left)
    assert again.contribution is not None
    receive(again.contribution.revisions.get().pk)
    assert again.contribution.revisions.get().state == "received"
    with pytest.raises(Clash):
        unmasking.draft_all_the_same(person=author, carried=again)


def test_discarded_nothing_is_left_of_it_but_what_was_published(three: Fork, author: Person) -> None:
    shout = drafts(three)[2]
    share(person=author, contribution=shout)
    hidden = [draft.pk for draft in drafts(three)[:2]]
    kept = {revision.raw_id for revision in Revision.objects.filter(contribution__in=hidden)}
    unmasking.discard(person=author, fork=three)
    three.refresh_from_db()
    assert (three.state, three.git_url, three.carried.count()) == ("discarded", "", 0)
    assert Contribution.objects.filter(pk__in=hidden, state="withdrawn", current=None).count() == 2
    assert set(Blob.objects.unnamed().values_list("pk", flat=True)) >= kept
    shout.refresh_from_db()
    assert (shout.state, shout.is_draft) == ("open", False)
    assert shout.current is not None
    with pytest.raises(NotAllowed):
        unmasking.discard(person=author, fork=three)


def test_a_worker_that_goes_on_after_it_was_cancelled_drafts_nothing(
    component: Component, author: Person, fork: Upstream
) -> None:
    fork.commit("Shout", greeting__py=SHOUT)
    row = make_fork(component, author, fork)
    claimed = Fork.objects.claim(row.pk)
    unmasking.cancel(person=author, fork=claimed)
    with pytest.raises(worker.LeaseLost):
        worker.step(claimed, "Drafting")
    worker.unmask(row.pk)
    row.refresh_from_db()
    assert (row.state, row.carried.count(), Contribution.objects.count()) == ("cancelled", 0, 0)


def test_only_its_author_decides_and_owners_may_discard(three: Fork) -> None:
    owner, member = factories.make_person(), factories.make_person(organisation=three.organisation)
    factories.belong(owner, three.organisation, role="owner")
    carried = three.carried.get(position=3)
    for person in (owner, member):
        with pytest.raises(NotAllowed):
            unmasking.publish(person=person, fork=three)
        with pytest.raises(NotAllowed):
            unmasking.leave_out(person=person, carried=carried)
    with pytest.raises(NotAllowed):
        unmasking.discard(person=member, fork=three)
    assert unmasking.discard(person=owner, fork=three).state == "discarded"


def test_forks_are_few_a_day_and_one_at_a_time(component: Component, author: Person, settings: Any) -> None:
    settings.ALLOW_PRIVATE_UPSTREAMS = True
    given = {"person": author, "component": component, "git_url": "file:///nowhere"}
    first = unmasking.unmask(**given, once="one")
    assert unmasking.unmask(**given, once="one") == first
    with pytest.raises(Clash, match="being taken apart"):
        unmasking.unmask(**given)
    with pytest.raises(Clash, match="another fork"):
        unmasking.unmask(**given | {"git_ref": "other"}, once="one")
    Fork.objects.update(state="done")
    for _ in range(unmasking.FORKS_A_DAY - 1):
        Fork.objects.create(component=component, author=author, state="done")
    with pytest.raises(TooMany):
        unmasking.unmask(**given)


@pytest.mark.attack("G02")
@pytest.mark.parametrize("url", ["https://me:secret@git.example.org/a.git", "file:///etc", "/etc", "--upload-pack=x"])
def test_an_address_with_a_password_or_into_the_host_is_refused(
    component: Component, author: Person, settings: Any, url: str
) -> None:
    settings.ALLOW_PRIVATE_UPSTREAMS = False
    with pytest.raises(Invalid):
        unmasking.unmask(person=author, component=component, git_url=url)
    assert not Fork.objects.exists()


def test_what_is_asked_for_is_not_asked_for_again(component: Component) -> None:
    author = factories.make_person(organisation=factories.make_organisation())
    fork = factories.make_fork(author, component=component)
    draft = fork.carried.get(position=1)
    assert unmasking.publish(person=author, fork=fork) == 1
    with pytest.raises(Clash, match="None of these"):
        unmasking.publish(person=author, fork=fork)
    assert Carried.objects.get(pk=draft.pk).asked_at is not None


def test_whoever_left_the_organisation_publishes_nothing_of_its_forks(three: Fork, author: Person) -> None:
    unmasking.publish(person=author, fork=three, positions=[1])
    author.memberships.all().delete()
    unveil_some(three.pk)
    row = three.carried.get(position=1)
    assert row.is_draft
    assert "does not belong any more" in row.sentence
    with pytest.raises(NotAllowed):
        unmasking.publish(person=author, fork=three)
    with pytest.raises(Clash, match="does not belong any more"):
        share(person=author, contribution=drafts(three)[0])
    factories.belong(author, three.organisation)
    share(person=author, contribution=drafts(three)[0])
    assert not drafts(three)[0].is_draft, "the control"


def test_what_its_author_shared_meanwhile_is_public_and_says_nothing(three: Fork, author: Person) -> None:
    unmasking.publish(person=author, fork=three)
    share(person=author, contribution=drafts(three)[0])
    unveil_some(three.pk)
    assert [(row.is_draft, row.sentence) for row in three.carried.order_by("position")] == [(False, "")] * 3


def test_what_upstream_took_in_meanwhile_stays_a_draft(three: Fork, author: Person) -> None:
    shout = drafts(three)[2]
    Fit.objects.filter(revision=shout.current, release__name="4.0").update(state="upstream")
    unmasking.publish(person=author, fork=three, positions=[3])
    unveil_some(three.pk)
    row = three.carried.get(position=3)
    assert (row.is_draft, row.sentence[:11]) == (True, "4.0 has it.")


def test_words_of_a_merge_name_the_patch(component: Component, author: Person, fork: Upstream) -> None:
    fork.git("checkout", "-q", "-b", "topic")
    fork.commit("wip", song__txt=LOUD)
    fork.commit("more wip", greeting__py=SHOUT)
    fork.git("checkout", "-q", "main")
    fork.commit("Number the third verse", licence__txt="Do what you must.\n")
    fork.git("merge", "-q", "--no-ff", "-m", "Merge branch 'topic'\n\nBe louder in all things", "topic")
    row = taken_apart(make_fork(component, author, fork))
    titles = dict(row.carried.values_list("title", "state"))
    assert titles == {"Be louder in all things": "drafted", "Number the third verse": "drafted"}
    topic = row.carried.get(title="Be louder in all things").contribution
    assert topic is not None
    assert topic.current is not None
    assert len(topic.current.commits) == 2


def test_mere_versions_are_left_out_and_merges_of_upstream_bring_nothing(
    component: Component, author: Person, fork: Upstream
) -> None:
    fork.commit("Bump version to 2.0.1", version__txt="2.0.1\n")
    fork.commit("Shout", greeting__py=SHOUT)
    fork.git("merge", "-q", "--no-edit", "3.0")
    row = taken_apart(make_fork(component, author, fork))
    assert row.release == component.releases.get(name="3.0")
    assert dict(row.carried.values_list("title", "state")) == {"Bump version to 2.0.1": "left-out", "Shout": "drafted"}


def test_an_imported_tarball_is_held_against_the_release_that_it_resembles(
    component: Component, author: Person, fork: Upstream
) -> None:
    fork.git("checkout", "-q", "--orphan", "import")
    fork.commit("Import 3.0", song__txt=SONG_MENDED, greeting__py=SHOUT)
    fork.commit("Sing the last twice", song__txt=SONG_MENDED + "verse 30\n")
    row = taken_apart(make_fork(component, author, fork, ref="import"))
    assert row.sentence == ""
    assert row.release == component.releases.get(name="3.0")
    assert "no history" in row.note
    assert list(row.carried.order_by("position").values_list("title", "state")) == [
        ("What the import changed", "drafted"),
        ("Sing the last twice", "drafted"),
    ]
    assert row.carried.filter(contribution__current__isnull=False).count() == 2
