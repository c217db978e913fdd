"""Comments by REST: questions, answers, votes, edits and previews."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.models import Contribution
from contributions.pipeline.receiving import receive
from tests import factories
from tests.api.conftest import Caller

if TYPE_CHECKING:
    from tests.api.conftest import Scene

pytestmark = pytest.mark.django_db


def test_a_question_is_asked_answered_and_settled(scene: Scene) -> None:
    asker, other = Caller(factories.make_person()), Caller(factories.make_person())
    address = f"{scene.one}comments/"
    question = asker.post(address, {"text": "On 4.8 too?", "is_question": True}).json()
    answer = other.post(address, {"text": "Yes.", "parent": question["id"]}).json()
    assert (question["is_question"], answer["accepted_at"], answer["balance"]) == (True, None, 0)
    assert asker.get(scene.one).json()["question_count"] == 1
    assert asker.put(f"comments/{answer['id']}/vote/", {"value": 1}).json() == {"value": 1, "balance": 1}
    accepted = asker.post(f"comments/{answer['id']}/accept/").json()
    assert accepted["accepted_by"] == asker.person.username
    assert asker.get(scene.one).json()["question_count"] == 0
    assert [row["accepted_at"] is None for row in asker.listed(address)] == [True, False]
    assert asker.post(f"comments/{answer['id']}/take-back/").json()["accepted_at"] is None
    assert asker.post(f"comments/{question['id']}/accept/").status_code == 400


def test_an_edit_can_be_read_back_until_the_comment_is_removed(scene: Scene) -> None:
    author = Caller(factories.make_person())
    made = author.post(f"{scene.one}comments/", {"text": "Frist."}).json()
    assert author.put(f"comments/{made['id']}/", {"text": "First."}).json()["text"] == "First."
    assert [edit["text"] for edit in author.listed(f"comments/{made['id']}/edits/")] == ["Frist."]
    assert author.post(f"comments/{made['id']}/remove/", {}).json()["text"] == ""
    assert author.listed(f"comments/{made['id']}/edits/") == []


def test_comments_on_what_may_not_be_seen_are_not_there(scene: Scene) -> None:
    hidden = factories.make_comment(factories.make_contribution(received=False))
    for address in (f"comments/{hidden.pk}/", f"comments/{hidden.pk}/edits/"):
        assert Caller(scene.maintainer).get(address).status_code == 404
        assert Caller(hidden.contribution.author).get(address).status_code == 200


def test_a_preview_keeps_nothing(scene: Scene) -> None:
    factories.make_person("anna")
    sent = {"text": "*So* @anna <script>alert(1)</script>"}
    html = Caller(scene.author).post("preview/", sent).json()["html"]
    assert "<em>So</em>" in html
    assert 'href="/people/anna/"' in html
    assert "<script" not in html
    assert not scene.contribution.comments.exists()


def test_a_note_names_the_releases_it_holds_for_and_is_edited(scene: Scene) -> None:
    author = Caller(factories.make_person())
    newer = factories.make_release(scene.release.component, "4.8.0")
    note = {
        "component": "swiftclient",
        "kind": "experience",
        "title": "Moving rings",
        "description": "# Before\n\nStop it.",
        "holds_for": ["4.7.0"],
    }
    made = author.post("contributions/", note).json()
    one = f"contributions/{made['number']}/"
    contribution = Contribution.objects.get(pk=made["number"])
    receive(contribution.revisions.get().pk)
    assert author.get(one).json()["holds_for"] == ["4.7.0"]
    assert [row["release"] for row in author.get(one).json()["standings"]] == ["4.7.0"]
    sent = {"description": "# Before\n\nStop *nothing*.", "note": "No need to.", "holds_for": ["4.7.0", newer.slug]}
    second = author.post(f"{one}revisions/", sent).json()
    assert author.get(one).json()["description"] == note["description"], "not before it is received"
    receive(contribution.revisions.get(number=2).pk)
    shown = author.get(one).json()
    assert (shown["description"], shown["holds_for"]) == (sent["description"], ["4.7.0", "4.8.0"])
    assert [row["release"] for row in shown["standings"]] == ["4.8.0", "4.7.0"]
    assert author.get(f"{one}revisions/{second['number']}/").json()["text"] == sent["description"]
    refused = author.post(f"{one}revisions/", sent | {"holds_for": ["9.9"]})
    assert refused.status_code == 400
    assert "holds_for" in refused.content.decode()


def test_a_patch_names_no_releases_that_it_holds_for(scene: Scene) -> None:
    sent = {"component": "swiftclient", "kind": "refinement", "title": "Fix", "patch": "diff --git a/a b/a\n"}
    sent |= {"release": "4.7.0", "holds_for": ["4.7.0"]}
    answer = Caller(scene.author).post("contributions/", sent)
    assert answer.status_code == 400
    assert "Only an experience" in answer.content.decode()
