"""Remarks over REST, each answer held against the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.models import LineComment, Review
from tests import factories
from tests.api.conftest import Caller, make_token
from tests.factories import make_person, make_remark

if TYPE_CHECKING:
    from contributions.models import Contribution

pytestmark = pytest.mark.django_db
SHELL = "swiftclient/shell.py"


@pytest.fixture
def contribution() -> Contribution:
    maintainer = make_person("maintainer")
    release = factories.make_release(factories.make_component(maintainers=(maintainer,)))
    made = factories.make_contribution(release=release)
    made.refresh_from_db()
    return made


def test_from_a_draft_to_a_round_with_an_answer(contribution: Contribution) -> None:
    one, peer = f"contributions/{contribution.pk}/remarks/", Caller(make_person())
    place = {"path": SHELL, "start": 12, "end": 13}
    draft = peer.post(one, place | {"text": "Why?", "suggestion": "    backoff = 2\n"}).json()
    assert draft["published_at"] is None
    assert draft["quoted"] == "        retries = 5\n    backoff = options.backoff or 1"
    assert Caller().get(one).json()["results"] == []
    assert Caller(make_person()).get(f"remarks/{draft['id']}/").status_code == 404
    edited = peer.put(f"remarks/{draft['id']}/", {"text": "Why not two?", "suggestion": "    backoff = 3"}).json()
    assert (edited["text"], edited["suggestion"]) == ("Why not two?", "    backoff = 3")
    cover = peer.post(f"{one}publish/", {"words": "Look."}).json()
    assert (cover["text"], cover["id"]) == ("Look.", LineComment.objects.get().round_id)
    author = Caller(contribution.author)
    told = author.post(one, {"thread": draft["id"], "text": "Because.", "publish": True}).json()
    assert (told["thread"], told["start"], told["suggestion"]) == (draft["id"], 12, None)
    author.post(f"remarks/{draft['id']}/resolve/")
    assert [row["id"] for row in Caller().get(one).json()["results"]] == [draft["id"], told["id"]]
    assert Caller().get(f"{one}?open=true").json()["results"] == []
    assert author.post(f"remarks/{draft['id']}/reopen/").json()["resolved_by"] is None
    assert len(Caller().get(f"{one}?open=true&path={SHELL}&revision=1").json()["results"]) == 2
    assert Caller().get(f"{one}?revision=2").json()["results"] == []


def test_suggestions_are_taken_once(contribution: Contribution) -> None:
    thread = make_remark(contribution.current, suggests=True, suggestion="    backoff = 2")
    author, take = Caller(contribution.author), f"contributions/{contribution.pk}/remarks/take/"
    made = author.post(take, {"suggestions": [thread.pk]})
    assert (made.status_code, made.json()["number"], made.json()["source"]) == (201, 2, "suggestion")
    assert author.post(take, {"suggestions": [thread.pk]}).json()["number"] == 2
    assert Caller().get(f"remarks/{thread.pk}/").json()["taken_in"] == 2


def test_a_verdict_asks_for_the_scope_of_reviews(contribution: Contribution) -> None:
    maintainer = contribution.component.maintainers.get()
    make_remark(contribution.current, author=maintainer, published_at=None)
    publish = f"contributions/{contribution.pk}/remarks/publish/"
    body = {"verdict": "request-changes", "words": "Please."}
    assert Caller(maintainer, make_token(maintainer, "write")).post(publish, body).status_code == 403
    assert not Review.objects.exists()
    assert Caller(maintainer, make_token(maintainer, "write", "review")).post(publish, body).status_code == 201
    assert Review.objects.get().message == "Please."


def test_what_cannot_be_is_told_with_its_field(contribution: Contribution) -> None:
    one, peer = f"contributions/{contribution.pk}/remarks/", Caller(make_person())
    others = make_remark()
    wrong = [
        ({"path": SHELL, "start": 13}, "text"),
        ({"path": "etc/passwd", "text": "Hm."}, "path"),
        ({"path": SHELL, "start": 900, "text": "Hm."}, "start"),
        ({"path": SHELL, "revision": 9, "text": "Hm."}, "revision"),
        ({"thread": others.pk, "text": "Hm."}, "thread"),
        ({"thread": others.pk, "text": "Hm.", "path": SHELL}, "path"),
        ({"path": SHELL, "side": "old", "start": 13, "text": "", "suggestion": "x"}, "suggestion"),
    ]
    for body, field in wrong:
        told = peer.post(one, body)
        assert (told.status_code, field in str(told.json())) == (400, True), body
    draft = peer.post(one, {"path": SHELL, "text": "Hm."}).json()
    assert peer.post(f"remarks/{draft['id']}/remove/", {}).status_code == 204
    assert peer.post(f"remarks/{draft['id']}/remove/", {}).status_code == 404


def test_a_remark_can_be_flagged(contribution: Contribution) -> None:
    thread, peer = make_remark(contribution.current), Caller(make_person())
    made = peer.post("flags/", {"remark": thread.pk, "reason": "spam"})
    assert (made.status_code, made.json()["remark"]) == (201, thread.pk)
    draft = make_remark(contribution.current, published_at=None)
    assert peer.post("flags/", {"remark": draft.pk, "reason": "spam"}).status_code == 404
