"""What became of a patch upstream: told by its header, set by people, found by the portal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from contributions.actions.upstreaming import place
from contributions.errors import Invalid, NotAllowed
from contributions.models import Event, Fit, Release, Revision
from contributions.pipeline.upstreaming import Places
from tests.api.conftest import Caller
from tests.factories import make_blob, make_contribution, make_fit, make_person, make_release, make_revision
from tests.pages.conftest import signed_in
from tests.platform import SONG_MENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Contribution

pytestmark = pytest.mark.django_db
MAIL = (
    f"From {'ab' * 20} Mon Sep 17 00:00:00 2001\nFrom: Ann Other <ann@example.org>\nSubject: [PATCH] Wait longer\n\n"
    "It is better.\n---\ndiff --git a/a b/a\n"
).encode()
LINK = "https://review.example.org/c/12"


def test_the_header_of_a_patch_sets_it_until_somebody_says_otherwise(send: Callable[..., Revision]) -> None:
    title = f"Count to fifteen in words\n\nUpstream-Status: Submitted [{LINK}]"
    contribution = send(title=title, song__txt=SONG_MENDED).contribution
    contribution.refresh_from_db()
    assert (contribution.upstream_status, contribution.upstream_link) == ("submitted", LINK)
    event = Event.objects.get(verb=Event.Verb.PLACED)
    assert (event.actor, event.text) == (None, f"Submitted: {LINK}")
    place(person=contribution.author, contribution=contribution, status="inappropriate", reason="Ours alone.")
    send(title=f"{title}\nAgain: yes", song__txt=SONG_MENDED)
    contribution.refresh_from_db()
    assert (contribution.upstream_status, contribution.upstream_reason) == ("inappropriate", "Ours alone.")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"status": "sent"}, "status"),
        ({"status": "submitted"}, "link"),
        ({"status": "submitted", "link": "javascript:alert(1)"}, "link"),
        ({"status": "submitted", "link": "https://a.example.org/\x00\nX: y z"}, "link"),
        ({"status": "pending", "link": LINK}, "link"),
        ({"status": "inappropriate"}, "reason"),
        ({"status": "pending", "reason": "Later."}, "reason"),
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field(given: dict[str, str], field: str) -> None:
    contribution = make_contribution()
    with pytest.raises(Invalid) as refusal:
        place(person=contribution.author, contribution=contribution, **given)
    assert refusal.value.field == field
    place(person=contribution.author, contribution=contribution, status="submitted", link=LINK)
    assert contribution.upstream_link == LINK, "the control"


def test_its_author_maintainers_and_staff_say_it_and_nobody_else() -> None:
    contribution, maintainer = make_contribution(), make_person()
    contribution.component.maintainers.add(maintainer)
    with pytest.raises(NotAllowed):
        place(person=make_person(), contribution=contribution, status="pending")
    for person, status in ((maintainer, "backport"), (make_person(is_staff=True), "applied")):
        place(person=person, contribution=contribution, status=status)
        assert contribution.upstream_status == status
    place(person=maintainer, contribution=contribution, status="applied")
    assert Event.objects.filter(verb=Event.Verb.PLACED).count() == 2, "what says the same is no news"


@pytest.fixture
def taken() -> Contribution:
    """A patch that the older one of two releases has not, and the newer has."""
    contribution = make_contribution(release=make_release())
    component = contribution.component
    component.upstream_url = "https://github.com/example/song.git"
    component.save()
    make_fit(contribution.current, contribution.release)
    newest = make_release(component)
    make_fit(contribution.current, newest, state="upstream", upstream_commit="ab" * 20, commit="")
    make_release(component, is_candidate=True)
    return contribution


def of(contribution: Contribution, **wanted: Any) -> Fit:
    return Fit.objects.select_related("revision__contribution", "release__component").get(
        revision=contribution.current, **wanted
    )


def place_by_fit(fit: Fit) -> None:
    places = Places(fit.release.component_id)
    event = places.by(fit)
    places.keep()
    Event.objects.write_all([event] if event else [])


def test_the_newest_release_says_that_upstream_has_it_and_when_it_was_taken_back(taken: Contribution) -> None:
    place_by_fit(of(taken, state="applies"))
    taken.refresh_from_db()
    assert taken.upstream_status == "pending", "an older release says nothing"
    place_by_fit(of(taken, state="upstream"))
    taken.refresh_from_db()
    assert (taken.upstream_status, taken.upstream_commit) == ("applied", "ab" * 20)
    assert taken.upstream_link == f"https://github.com/example/song/commit/{'ab' * 20}"
    Fit.objects.filter(state="upstream").update(state="applies")
    place_by_fit(of(taken, release=Release.objects.filter(is_candidate=False).order_by("-position")[0]))
    taken.refresh_from_db()
    assert taken.upstream_status == "pending"


def test_one_press_archives_what_upstream_has_and_withdraws_nothing(taken: Contribution) -> None:
    browser = signed_in(taken.author)
    type(taken).objects.filter(pk=taken.pk).update(upstream_count=1)
    page = browser.get(f"/contributions/{taken.pk}/").content.decode()
    assert "Archive: upstream has it" in page
    assert "Archive" not in Client().get(f"/contributions/{taken.pk}/").content.decode()
    assert browser.post(f"/contributions/{taken.pk}/upstream/", {"status": "applied"}).status_code == 302
    taken.refresh_from_db()
    assert (taken.upstream_status, taken.upstream_commit, taken.state) == ("applied", "ab" * 20, "open")
    assert "upstream has it" in Client().get("/contributions/").content.decode()
    found = Client().get("/search/?q=is:applied").content.decode()
    assert taken.title in found
    assert taken.title not in Client().get("/search/?q=-is:applied").content.decode()


def test_a_refused_form_stands_there_again_with_what_is_wrong(taken: Contribution) -> None:
    answer = signed_in(taken.author).post(f"/contributions/{taken.pk}/upstream/", {"status": "submitted", "link": "x"})
    assert answer.status_code == 400
    assert "A link begins with https://" in answer.content.decode()


def test_the_patch_with_its_header_changes_with_the_status_and_the_other_one_never() -> None:
    contribution = make_contribution()
    revision = make_revision(contribution)
    author, address = Caller(contribution.author), f"/contributions/{contribution.pk}/v2"
    told = author.put(f"contributions/{contribution.pk}/upstream/", {"status": "submitted", "link": LINK}).json()
    assert (told["status"], told["link"], told["header"]["Forwarded"]) == ("submitted", LINK, LINK)
    assert told["header"]["Last-Update"] == revision.created_at.date().isoformat()
    Revision.objects.filter(pk=revision.pk).update(mbox=make_blob(MAIL))
    answer = Client().get(f"{address}.dep3.patch")
    assert f"\n\nUpstream-Status: Submitted [{LINK}]\nForwarded: {LINK}\nOrigin: other, " in answer.content.decode()
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert Client().get(f"{address}.dep3.patch", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert Caller().get(f"contributions/{contribution.pk}/revisions/2/dep3-patch").content == answer.content
    assert b"".join(Client().get(f"{address}.patch").streaming_content) == MAIL
    assert Caller().get(f"contributions/{contribution.pk}/upstream/").json() == told
    assert author.put(f"contributions/{contribution.pk}/upstream/", {"status": "submitted"}).status_code == 400


def test_what_is_said_of_one_is_said_of_no_other() -> None:
    one, other = make_contribution(), make_contribution()
    place(person=one.author, contribution=one, status="submitted", link="https://review.example.org/1")
    for each in (one, other):
        each.refresh_from_db()
    assert (one.upstream_status, other.upstream_status) == ("submitted", "pending")
