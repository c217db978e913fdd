"""What a new release does to a patch is told once, to whom it concerns; the rest of the matrix is told nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail as django_mail
from django.utils import timezone

from contributions.actions.following import follow, mute
from contributions.actions.maintaining import retire
from contributions.models import Contribution, Event, Fit, Mailing, Notification, Release, UpstreamFetch
from contributions.pipeline import mailing
from contributions.pipeline.fetching import fetch
from contributions.pipeline.fitting import fit
from contributions.pipeline.telling import tell_waiting
from contributions.pipeline.wording import place_of, sentence_of
from tests.factories import belong, make_contribution, make_organisation, make_person, make_report
from tests.platform import SONG, SONG_MENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Component, Person, Revision
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db

LOUDER = SONG.replace("verse 3\n", "verse three\n")
ROMAN = SONG.replace("verse 2\n", "verse II\n").replace("verse 3\n", "verse III\n")


def pull(component: Component) -> None:
    """Pull upstream and judge whatever that queued."""
    fetch(UpstreamFetch.objects.create(component=component).pk)
    judge()


def judge() -> None:
    for pk in Fit.objects.filter(state="queued").order_by("-release__position").values_list("pk", flat=True):
        fit(pk)


def turns() -> list[tuple[str, str]]:
    rows = Event.objects.filter(verb__in=["taken", "stranded"]).order_by("pk")
    return [(row.verb, row.release.name) for row in rows]


@pytest.fixture
def louder(send: Callable[..., Revision]) -> Revision:
    """A patch to verse three, received and judged on 1.0 to 4.0: it applies to all of them."""
    revision = send("1.0", "Count to three in words", song__txt=LOUDER)
    judge()
    assert set(Fit.objects.values_list("state", flat=True)) <= {"applies", "merges"}
    return revision


def release(upstream: Upstream, component: Component, name: str, **files: str) -> None:
    upstream.commit(f"Work on {name}", **files)
    upstream.git("tag", "-a", name, "-m", name)
    pull(component)


def test_a_release_that_took_a_patch_in_is_told_once(
    louder: Revision, upstream: Upstream, component: Component
) -> None:
    release(upstream, component, "5.0", song__txt=LOUDER)
    release(upstream, component, "6.0", greeting__py="pass\n")
    assert turns() == [("taken", "5.0")], "6.0 has it as well, which is no news"
    event = Event.objects.get(verb="taken")
    assert sentence_of(event) == "5.0 has this patch: archive it"
    assert place_of(event) == f"/contributions/{louder.contribution_id}/#upstream"


def test_a_release_that_leaves_a_patch_behind_is_told_once(
    louder: Revision, upstream: Upstream, component: Component
) -> None:
    release(upstream, component, "5.0", song__txt=ROMAN)
    release(upstream, component, "6.0", greeting__py="pass\n")
    assert turns() == [("stranded", "5.0")]
    event = Event.objects.get(verb="stranded")
    assert sentence_of(event) == "It needs a port to 5.0"
    assert place_of(event) == f"/contributions/{louder.contribution_id}/fits/5.0/"
    Fit.objects.update(state="queued", attempts=0)
    judge()
    assert turns() == [("stranded", "5.0")], "judged again it is the same"
    assert louder.contribution.state == "open"


def test_what_a_patch_was_known_to_meet_when_it_came_is_no_news(
    send: Callable[..., Revision], component: Component
) -> None:
    send("1.0", "Sing louder", song__txt=SONG_MENDED.replace("fifteen", "FIFTEEN"))
    judge()
    assert "conflicts" in set(Fit.objects.values_list("state", flat=True))
    assert turns() == []
    assert component


def test_a_branch_that_moves_tells_what_turned_and_never_twice(
    louder: Revision, upstream: Upstream, component: Component
) -> None:
    component.release_pattern = r"\d+\.\d+|main"
    component.save()
    pull(component)
    assert turns() == []
    for text in (LOUDER, SONG, ROMAN, SONG, ROMAN, LOUDER):
        upstream.commit("Go on", song__txt=text)
        pull(component)
    assert turns() == [("taken", "main"), ("stranded", "main")]
    assert louder


@pytest.mark.parametrize(
    "hidden",
    [
        {"is_draft": True},
        {"quarantined_at": timezone.now()},
        {"state": "withdrawn"},
        {"state": "rejected"},
        {"upstream_status": "applied"},
    ],
    ids=lambda hidden: next(iter(hidden)),
)
def test_of_what_nobody_may_see_or_wants_any_more_nothing_is_told(
    louder: Revision, upstream: Upstream, component: Component, hidden: dict[str, Any]
) -> None:
    upstream.commit("Work on 5.0", song__txt=ROMAN)
    upstream.git("tag", "5.0")
    fetch(UpstreamFetch.objects.create(component=component).pk)
    Contribution.objects.filter(pk=louder.contribution_id).update(**hidden)
    judge()
    assert Fit.objects.get(release__name="5.0").state == "conflicts"
    assert turns() == []


def test_of_a_retired_release_nothing_is_told(louder: Revision, upstream: Upstream, component: Component) -> None:
    upstream.commit("Work on 5.0", song__txt=ROMAN)
    upstream.git("tag", "5.0")
    fetch(UpstreamFetch.objects.create(component=component).pk)
    retire(person=make_person(is_staff=True), release=Release.objects.get(name="5.0"))
    judge()
    assert turns() == []
    assert louder


def test_an_old_tag_that_is_found_late_is_no_news(louder: Revision, upstream: Upstream, component: Component) -> None:
    upstream.commit("Work on 0.5", song__txt=ROMAN)
    upstream.git("tag", "0.5")
    fetch(UpstreamFetch.objects.create(component=component).pk)
    Release.objects.filter(name="0.5").update(released_at="2001-01-01T00:00Z", position=99)
    judge()
    assert Fit.objects.get(release__name="0.5").state == "conflicts"
    assert turns() == []
    assert louder


def test_author_followers_and_the_people_of_who_runs_it_hear_and_nobody_else(
    louder: Revision, upstream: Upstream, component: Component, author: Person
) -> None:
    contribution = louder.contribution
    operator, other = make_organisation("Operator"), make_organisation("Other")
    colleague, follower, muted = make_person("colleague"), make_person("follower"), make_person("muted")
    for person, organisation in ((colleague, operator), (muted, operator), (make_person("foe"), other)):
        belong(person, organisation)
    first = Release.objects.get(name="1.0")
    make_report(contribution, organisation=operator, release=first, author=colleague, is_named=False)
    make_report(contribution, organisation=other, release=first, outcome="broken")
    follow(person=follower, thing=contribution)
    mute(person=muted, contribution=contribution)
    follow(person=make_person("watcher"), thing=component)
    tell_waiting()
    Notification.objects.all().delete()
    release(upstream, component, "5.0", song__txt=ROMAN)
    tell_waiting()
    told = Notification.objects.filter(event__verb="stranded")
    assert {row.person.username: row.why for row in told} == {
        author.username: "author", "follower": "following", "colleague": "runs",
    }  # fmt: skip
    assert not Notification.objects.filter(event__verb="fitted").exists()


def test_what_a_release_does_to_many_is_one_letter(component: Component, author: Person, settings: Any) -> None:
    settings.MAIL_WAIT_SECONDS = 0
    release = component.releases.get(name="4.0")
    for verb in ("stranded", "stranded", "taken", "commented"):
        contribution = make_contribution(component=component, author=author)
        Event.objects.write(verb, contribution=contribution, revision=contribution.current, release=release)
    tell_waiting()
    assert mailing.gather() == 2, "what is said of one contribution has a letter of its own"
    letter = Mailing.objects.get(contribution=None)
    assert letter.lines.count() == 3
    mailing.mail(letter.pk)
    written = django_mail.outbox[-1]
    assert written.subject == "[Patchbay] song 4.0: 2 to be ported, 1 upstream now"
    assert str(written.body).count("It needs a port to 4.0") == 2
