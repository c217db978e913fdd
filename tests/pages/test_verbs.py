"""The forms of a contribution, sent as a browser without script sends them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from contributions.models import Comment, Contribution, FieldReport, Membership, Publication, Review, Vote
from tests import factories
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from tests.pages.conftest import Platform


def test_a_vote_is_cast_shown_and_taken_back(platform: Platform) -> None:
    client, home = platform.client("member"), f"/contributions/{platform.contribution.pk}/"
    assert client.post(f"{home}vote/", {"value": "1"})["Location"] == home
    page = client.get(home).content.decode()
    assert re.search(r'value="0" aria-pressed="true".*?1</button>', page)
    client.post(f"{home}vote/", {"value": "0"})
    assert Vote.objects.count() == 0


def test_with_script_only_the_tally_is_sent_back(platform: Platform) -> None:
    url = f"/contributions/{platform.contribution.pk}/vote/"
    answer = platform.client("member").post(url, {"value": "-1"}, headers={"HX-Request": "true"})
    assert answer.content.decode().startswith('<div class="vote"')
    assert b"<html" not in answer.content
    assert 'aria-pressed="true"' in answer.content.decode()


def test_a_vote_that_is_none_is_refused(platform: Platform) -> None:
    url = f"/contributions/{platform.contribution.pk}/vote/"
    for value in ("2", "", "x", "1.0", "True"):
        assert platform.client("member").post(url, {"value": value}).status_code == 400
    assert Vote.objects.count() == 0


def test_an_answer_stands_beneath_its_comment(platform: Platform) -> None:
    home = f"/contributions/{platform.contribution.pk}/"
    form = {"text": "It **does**.", "parent": platform.comment.pk}
    answer = platform.client("author").post(f"{home}comment/", form)
    made = Comment.objects.get(parent=platform.comment)
    assert answer["Location"] == f"{home}discussion/?comment={made.pk}#comment-{made.pk}"
    page = platform.client("stranger").get(f"{home}discussion/").content.decode()
    nested = page.partition(f'id="comment-{platform.comment.pk}"')[2]
    assert f'<ol class="thread"><li class="remark-item" id="comment-{made.pk}">' in nested
    assert "<strong>does</strong>" in nested


def test_a_comment_that_is_refused_is_not_lost(platform: Platform) -> None:
    url = f"/contributions/{platform.contribution.pk}/comment/"
    answer = platform.client("member").post(url, {"text": "y" * 70_000})
    assert answer.status_code == 413
    page = answer.content.decode()
    assert "70,000 bytes; 65,536 is the most" in page
    assert "y" * 70_000 in page


def test_a_parent_from_elsewhere_is_told_beside_the_form(platform: Platform) -> None:
    other = factories.make_comment()
    url = f"/contributions/{platform.contribution.pk}/comment/"
    answer = platform.client("member").post(url, {"text": "Hello.", "parent": other.pk})
    assert answer.status_code == 400
    assert Comment.objects.filter(text="Hello.").count() == 0


def test_threads_of_any_depth_stay_readable(platform: Platform) -> None:
    parent = platform.comment
    for _ in range(60):
        parent = factories.make_comment(platform.contribution, parent=parent)
    page = platform.client("stranger").get(f"/contributions/{platform.contribution.pk}/discussion/").content.decode()
    assert page.count('class="remark-item"') == 61
    assert page.count('<ol class="thread">') == 7


def test_a_comment_is_edited_and_removed_by_its_author(platform: Platform) -> None:
    client, url = platform.client("member"), f"/comments/{platform.comment.pk}/edit/"
    assert platform.comment.text.encode() in client.get(url).content
    assert client.post(url, {"text": ""}).status_code == 400
    client.post(url, {"text": "Better words."})
    page = client.get(f"/contributions/{platform.contribution.pk}/discussion/").content.decode()
    assert "Better words." in page
    assert f'<a href="/comments/{platform.comment.pk}/history/">Edited' in page
    client.post(f"/comments/{platform.comment.pk}/remove/")
    page = client.get(f"/contributions/{platform.contribution.pk}/discussion/").content.decode()
    assert "Better words." not in page
    assert "Removed." in page


def test_a_field_report_is_read_back_on_the_evidence_page(platform: Platform) -> None:
    home = f"/contributions/{platform.contribution.pk}/"
    form = {
        "release": platform.release.slug,
        "outcome": "works",
        "stage": "production",
        "environment": "120 nodes",
        "since": "2024-05-01",
        "text": "Not *one* lost.",
    }
    answer = platform.client("member").post(f"{home}report/", form, follow=True)
    page = answer.content.decode()
    assert "Your report for Lakeside University on 4.7.0 counts from now on." in page
    assert "works for us" in page
    assert "since 2024-05-01" in page
    assert "Not <em>one</em> lost." in page
    assert '<rect class="part-for_production"' in page


def test_a_report_with_mistakes_comes_back_with_what_was_typed(platform: Platform) -> None:
    url = f"/contributions/{platform.contribution.pk}/report/"
    form = {"release": "none", "outcome": "works", "stage": "moon", "since": "2999-01-01", "text": "Kept words"}
    answer = platform.client("member").post(url, form)
    assert answer.status_code == 400
    assert "Kept words" in answer.content.decode()
    assert FieldReport.objects.count() == 0


def test_a_review_of_a_revision_that_is_no_longer_the_newest_is_refused(platform: Platform) -> None:
    factories.make_revision(platform.contribution)
    url = f"/contributions/{platform.contribution.pk}/review/"
    answer = platform.client("maintainer").post(url, {"verdict": "approve", "revision": "1", "message": "Good."})
    assert answer.status_code == 409
    assert "v2 came after the v1 that you looked at" in answer.content.decode()
    assert "Good." in answer.content.decode()
    assert Review.objects.count() == 0


def test_a_rejection_needs_its_reason_beside_the_field(platform: Platform) -> None:
    url = f"/contributions/{platform.contribution.pk}/review/"
    answer = platform.client("maintainer").post(url, {"verdict": "reject", "revision": "1"})
    assert answer.status_code == 400
    assert re.search(r'id="id_message_error"><li>Say why', answer.content.decode())


def test_withdrawing_shows_the_reason_where_the_build_was_offered(platform: Platform) -> None:
    url = f"/contributions/{platform.contribution.pk}/withdraw/"
    assert platform.client("author").post(url, {"reason": " "}).status_code == 400
    platform.client("author").post(url, {"reason": "It loses <data>."})
    page = platform.client("stranger").get(f"/publications/{platform.publication.pk}/").content.decode()
    assert "It loses &lt;data&gt;." in page
    assert "pip install" not in page
    assert Publication.objects.live().count() == 0


def test_the_publication_page_says_how_to_install(platform: Platform) -> None:
    page = platform.client("stranger").get(f"/publications/{platform.publication.pk}/").content.decode()
    line = f"pip install --index-url http://testserver/simple/{platform.release.slug}/ swift-client==4.7.0+patchbay.1"
    assert line in page
    assert platform.artifact.sha256 in page


def test_an_uploaded_executable_is_never_called_built_here(platform: Platform) -> None:
    contribution = factories.make_contribution(kind=Contribution.Kind.EXECUTABLE, received=False)
    revision = factories.make_revision(contribution, diff=None)
    factories.make_artifact(revision=revision, name="tool.bin")
    page = platform.client("stranger").get(f"/contributions/{contribution.pk}/").content.decode()
    assert "<b>not built here</b>" in page


def test_too_many_votes_are_told_when_to_come_back(platform: Platform) -> None:
    client, url = platform.client("member"), f"/contributions/{platform.contribution.pk}/vote/"
    statuses = [client.post(url, {"value": "1"}).status_code for _ in range(61)]
    assert statuses == [302] * 60 + [429]
    answer = client.post(url, {"value": "1"})
    assert answer["Retry-After"] == "60"
    assert b"Not so fast" in answer.content


def test_an_owner_removes_members(platform: Platform) -> None:
    owner = signed_in(platform.organisation.memberships.get(role="owner").person)
    home = "/organisations/northern-hosting/"
    member = platform.people["member"]
    assert member is not None
    factories.belong(member, platform.organisation)
    owner.post(f"{home}remove-member/", {"username": "member"})
    assert not Membership.objects.filter(organisation=platform.organisation, person__username="member").exists()
    assert owner.post(f"{home}remove-member/", {"username": "owner"}).status_code == 409


def test_founding_an_organisation_makes_its_founder_an_owner(platform: Platform) -> None:
    client = platform.client("maintainer")
    answer = client.post("/organisations/new/", {"name": "Harbour Telecom", "website": "harbour.example"})
    assert answer["Location"] == "/organisations/harbour-telecom/"
    assert Membership.objects.get(person__username="maintainer").role == "owner"
    again = client.post("/organisations/new/", {"name": "Harbour Telecom", "about": "Typed words"})
    assert again.status_code == 409
    assert "Typed words" in again.content.decode()


def test_a_token_is_shown_once_and_ends_when_revoked(platform: Platform) -> None:
    client = platform.client("author")
    page = client.post("/account/tokens/", {"name": "job", "scopes": ["read", "write"], "days": "30"}).content.decode()
    secret = re.search(r"pb_[\w-]{40,}", page).group()  # type: ignore[union-attr]
    assert secret not in client.get("/account/tokens/").content.decode()
    token = platform.token.person.tokens.bearing(secret)
    assert token.scopes == ["read", "write"]
    assert client.get("/account/tokens/")["Cache-Control"].startswith("max-age=0, no-cache")
    client.post(f"/account/tokens/{token.pk}/revoke/")
    assert platform.token.person.tokens.bearing(secret) is None
    assert client.post("/account/tokens/", {"name": "job"}).status_code == 400  # without a scope


def test_a_page_asks_again_only_while_workers_are_at_work(platform: Platform) -> None:
    home, client = f"/contributions/{platform.contribution.pk}/", platform.client("stranger")
    for tab in ("", "matrix/", "discussion/", "evidence/"):
        assert "every 3s" not in client.get(home + tab).content.decode()
    build = factories.make_build(platform.contribution.current, platform.release, state="queued")
    factories.recompute(platform.contribution)
    for tab in ("", "matrix/"):
        page = client.get(home + tab).content.decode()
        assert 'hx-trigger="every 3s"' in page
        assert 'id="progress"' in page
        assert '<noscript><meta http-equiv="refresh"' in page
    assert "every 3s" not in client.get(f"{home}discussion/").content.decode()  # somebody may be typing
    build.delete()


def test_building_again_leads_to_the_new_build(platform: Platform) -> None:
    url = f"/contributions/{platform.contribution.pk}/build-again/"
    form = {"revision": "1", "release": platform.release.slug}
    client = platform.client("author")
    answer = client.post(url, form)
    assert re.fullmatch(r"/builds/\d+/", answer["Location"])
    assert client.post(url, form).status_code == 409
    for wrong in ({"revision": "9"}, {"release": "none"}, {"revision": "x"}):
        assert client.post(url, form | wrong).status_code == 404
