"""A conflict that a port settled before is settled the same way again, and offered, never taken silently."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contributions.actions.porting import take_offer, withdraw_port
from contributions.actions.quarantining import quarantine
from contributions.errors import Clash
from contributions.models import Contribution, Fit, Offer, Release, Resolution, Revision, UpstreamFetch
from contributions.pipeline.fetching import fetch
from contributions.pipeline.offering import offer
from contributions.pipeline.receiving import receive
from tests.api.conftest import Caller
from tests.factories import make_person
from tests.pages.conftest import body, signed_in
from tests.platform import SONG_REWRITTEN

from .conftest import LOUD, LOUD_ROMAN, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Component
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db
LATER = SONG_REWRITTEN.replace("verse 28\n", "verse twenty-eight\n")


def tried(contribution: Contribution, name: str = "5.0") -> Offer:
    row = Offer.objects.get(revision__contribution=contribution, release__name=name)
    offer(row.pk)
    row.refresh_from_db()
    return row


def release_next(upstream: Upstream, component: Component) -> Release:
    """5.0 is 4.0 with another line changed, far from the conflict."""
    upstream.commit("Number twenty-eight", song__txt=LATER)
    upstream.git("tag", "-a", "5.0", "-m", "5.0")
    fetch(UpstreamFetch.objects.create(component=component).pk)
    return component.releases.get(name="5.0")


@pytest.fixture
def ported(port: Callable[..., Revision]) -> Revision:
    return port()


def test_before_anything_is_learnt_it_is_left_to_people(loud: Contribution) -> None:
    row = tried(loud, "4.0")
    assert (row.state, row.left, row.used, row.mbox) == ("left", ["song.txt"], [], None)


def test_the_next_release_is_offered_the_port_with_its_origin(
    loud: Contribution, ported: Revision, upstream: Upstream, component: Component
) -> None:
    there = release_next(upstream, component)
    judge(loud)
    row = tried(loud)
    assert row.state == "whole", row.sentence
    told = {"contribution": loud.pk, "revision": 2, "release": "4.0", "told": f"port v2 of #{loud.pk} to 4.0"}
    assert row.used == [{"path": "song.txt", **told}]
    mails = row.mbox.read().decode()
    assert "+VERSE XV" in mails
    assert "Subject: [PATCH] Sing louder" in mails
    assert "From: Upstream <upstream@example.org>" in mails
    loud.refresh_from_db()
    assert loud.standings.get(release=there).port is None, "nothing is taken silently"
    assert ported.is_received


def test_one_press_proposes_it_and_two_presses_make_one(
    loud: Contribution, ported: Revision, upstream: Upstream, component: Component
) -> None:
    there = release_next(upstream, component)
    judge(loud)
    tried(loud)
    browser, page = signed_in(make_person()), f"/contributions/{loud.pk}/fits/5.0/"
    shown = browser.get(page).content.decode()
    assert "made a port by remembered resolutions" in shown
    assert f"port v2 of #{loud.pk} to 4.0" in shown
    look = Client().get(f"/contributions/{loud.pk}/ports/offered/{there.slug}.patch")
    assert b"+VERSE XV" in b"".join(look.streaming_content)
    for _ in range(2):
        assert browser.post(f"/contributions/{loud.pk}/ports/take/", {"release": there.slug}).status_code == 302
    made = loud.revisions.get(number=3)
    assert (made.ports, made.release, made.note) == (
        loud.current,
        there,
        f"Made by remembered resolutions from {ported.label and f'port v2 of #{loud.pk} to 4.0'}.",
    )
    receive(made.pk)
    judge(loud)
    made.refresh_from_db()
    assert made.state == "received", made.sentence
    assert loud.standings.get(release=there).port == made
    assert loud.standings.get(release=there).fit == "applies"
    assert loud.revisions.count() == 3


def test_the_rest_api_sends_it_too(
    loud: Contribution, ported: Revision, upstream: Upstream, component: Component
) -> None:
    release_next(upstream, component)
    judge(loud)
    caller = Caller(make_person())
    body: dict[str, Any] = {"release": "5.0", "offered": True}
    assert caller.post(f"contributions/{loud.pk}/ports/", body).status_code == 409, "it is not tried yet"
    tried(loud)
    answer = caller.post(f"contributions/{loud.pk}/ports/", body)
    assert answer.status_code == 201, answer.content
    assert (answer.json()["ports"], answer.json()["number"], answer.json()["is_outdated"]) == (1, 3, False)
    listed = caller.listed(f"contributions/{loud.pk}/ports/")
    assert [row["number"] for row in listed] == [3, 2]
    taken = caller.post(f"contributions/{loud.pk}/revisions/3/withdraw/", {"reason": "Mine."})
    assert taken.json()["withdrawn_at"]
    assert caller.post(f"contributions/{loud.pk}/revisions/1/withdraw/", {"reason": "x"}).status_code == 404
    assert ported.is_received


def test_the_cache_on_disk_may_vanish(
    loud: Contribution, ported: Revision, upstream: Upstream, component: Component
) -> None:
    release_next(upstream, component)
    judge(loud)
    Resolution.objects.all().delete()
    Revision.objects.update(taught_at=None)
    shutil.rmtree(settings.MIRRORS_DIR)
    assert tried(loud).state == "whole"
    assert Resolution.objects.get().port == ported


@pytest.mark.attack("P22")
@pytest.mark.parametrize("how", ["withdrawn", "quarantined", "draft", "given up"])
def test_what_is_hidden_teaches_nothing(
    how: str, loud: Contribution, ported: Revision, upstream: Upstream, component: Component
) -> None:
    release = release_next(upstream, component)
    judge(loud)
    made = tried(loud)
    assert made.is_standing, "the control"
    staff = make_person(is_staff=True)

    def looked_at() -> int:
        answer = signed_in(staff).get(f"/contributions/{loud.pk}/ports/offered/{release.slug}.patch")
        body(answer)
        return int(answer.status_code)

    assert looked_at() == 200, "the control"
    if how == "withdrawn":
        withdraw_port(person=ported.submitted_by, port=ported, reason="It was wrong.")
    elif how == "quarantined":
        quarantine(person=staff, contribution=loud, reason="Odd.")
    elif how == "draft":
        Contribution.objects.filter(pk=loud.pk).update(is_draft=True)
    else:
        Contribution.objects.filter(pk=loud.pk).update(state="withdrawn")
    assert not made.is_standing, "nor does what was offered before stand any more"
    assert looked_at() == 404
    Offer.objects.update(state="queued", attempts=0)
    assert tried(loud).state == "left"


def test_a_port_that_comes_has_others_tried_again(
    loud: Contribution, port: Callable[..., Revision], upstream: Upstream, component: Component
) -> None:
    release_next(upstream, component)
    judge(loud)
    assert tried(loud).state == "left"
    port()
    row = Offer.objects.get(release__name="5.0")
    assert row.state == "queued"
    assert tried(loud).state == "whole"


def test_an_offer_is_gone_when_its_release_moved_or_something_newer_is_current(
    loud: Contribution, ported: Revision, upstream: Upstream, component: Component, send: Callable[..., Revision]
) -> None:
    there = release_next(upstream, component)
    judge(loud)
    tried(loud)
    Offer.objects.update(release_commit="0" * 40)
    with pytest.raises(Clash):
        take_offer(person=make_person(), contribution=loud, release=there)
    Offer.objects.update(release_commit=there.commit)
    send(title="Sing louder", song__txt=LOUD.replace("verse 3\n", "verse three\n"))
    loud.refresh_from_db()
    with pytest.raises(Clash):
        take_offer(person=make_person(), contribution=loud, release=there)
    assert ported.is_received


def test_what_needs_a_port_is_found_and_what_has_one_is_not(
    loud: Contribution, ported: Revision, component: Component
) -> None:
    def listed(address: str) -> bool:
        return loud.title in Client().get(address).content.decode()

    queue = f"/components/{component.slug}/releases"
    assert listed(f"{queue}/3.0/ports/")
    assert not listed(f"{queue}/4.0/ports/"), "it has one"
    assert not listed(f"{queue}/1.0/ports/"), "it applies there"
    assert listed("/search/?q=needs:port")
    assert not listed("/search/?q=-needs:port")
    assert listed("/search/?q=needs:port+conflicts:3.0")
    Fit.objects.filter(revision=ported)
    page = Client().get(f"/contributions/{loud.pk}/matrix/").content.decode()
    assert "stands there" in page
    assert "what had to change" in page
    assert "port of v1 to 4.0" in Client().get(f"/contributions/{loud.pk}/").content.decode()
    assert Client().get("/search/?q=needs:help").status_code == 400


def test_the_page_asks_for_a_port_and_takes_one(loud: Contribution, upstream: Upstream, component: Component) -> None:
    sender, there = make_person(), component.releases.get(name="4.0")
    page = signed_in(sender).get(f"/contributions/{loud.pk}/fits/4.0/").content.decode()
    assert "Needs a port to 4.0" in page
    assert "has it already" not in page
    Fit.objects.filter(revision=loud.current, release__name="3.0").update(state=Fit.State.UPSTREAM)
    assert "3.0 has it already" in signed_in(sender).get(f"/contributions/{loud.pk}/fits/4.0/").content.decode()
    assert "Needs a port" not in signed_in(sender).get(f"/contributions/{loud.pk}/fits/1.0/").content.decode()
    address = f"/contributions/{loud.pk}/ports/new/?release={there.slug}"
    browser = signed_in(sender)
    chosen = f'value="{there.slug}" selected'
    assert f"/ports/new/?release={there.slug}" in page
    assert chosen in browser.get(address).content.decode()
    assert chosen in browser.get(f"/contributions/{loud.pk}/ports/new/?release=4.0").content.decode()
    assert " selected" not in browser.get(f"/contributions/{loud.pk}/ports/new/?release=4%00x").content.decode()
    wrong = browser.post(address, {"release": there.slug})
    assert wrong.status_code == 400
    assert "A port needs a patch file" in wrong.content.decode()
    mail = upstream.patch("4.0", "Sing louder", song__txt=LOUD_ROMAN)
    sent = {"release": there.slug, "patch": SimpleUploadedFile("a.patch", mail), "note": "Romans"}
    assert browser.post(address, sent).status_code == 302
    made = loud.revisions.get(number=2)
    assert (made.submitted_by, made.release, made.ports) == (sender, there, loud.current)
