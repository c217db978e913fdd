"""The discussion as people read it and write in it, without script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from contributions.actions.commenting import comment, edit_comment, remove_comment
from contributions.models import Comment, CommentVote, Contribution
from contributions.views import talking
from tests import factories
from tests.pages.conftest import signed_in
from tests.pages.test_markup import ATTACKS

if TYPE_CHECKING:
    from tests.pages.conftest import Platform


def page_of(platform: Platform, query: str = "", role: str = "stranger") -> str:
    home = f"/contributions/{platform.contribution.pk}/discussion/"
    return platform.client(role).get(home + query, follow=True).content.decode()


def places(page: str) -> list[int]:
    """The comments in the order in which they stand on the page."""
    return [int(pk) for pk in re.findall(r'<li class="remark-item" id="comment-(\d+)"', page)]


def opening(page: str, pk: int) -> str:
    """The tag that says whether a comment is folded."""
    found = re.search(rf'id="comment-{pk}"[^>]*>(<details[^>]*>)', page)
    assert found
    return found[1]


def test_a_preview_shows_what_it_would_become_and_says_nothing(platform: Platform) -> None:
    factories.make_person("anna")
    url = f"/contributions/{platform.contribution.pk}/comment/"
    form = {"text": "**Hello** @anna", "preview": "1", "is_question": "on"}
    answer = platform.client("member").post(url, form)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert '<strong>Hello</strong> <a href="/people/anna/"' in page
    assert ">**Hello** @anna</textarea>" in page
    assert 'name="is_question" checked' in page
    assert Comment.objects.count() == 1
    piece = platform.client("member").post(url, form, headers={"HX-Request": "true"}).content.decode()
    assert piece.startswith('<section class="preview"')
    assert "<html" not in piece


@pytest.mark.attack("W01")
@pytest.mark.parametrize("text", ATTACKS)
def test_a_preview_shows_no_more_than_a_comment(platform: Platform, text: str) -> None:
    url = f"/contributions/{platform.contribution.pk}/comment/"
    sent = {"text": f"{text}\n\n**kept**", "preview": "1"}
    piece = platform.client("member").post(url, sent, headers={"HX-Request": "true"}).content.decode()
    shown = piece.partition('<div class="prose">')[2]
    assert "<strong>kept</strong>" in shown
    assert not re.search(r"<(script|img|svg|iframe|form|style|base|meta|math|noscript)\b", shown)
    assert not re.search(r"<[^>]*\son\w+\s*=", shown)


def test_a_preview_that_is_refused_says_why(platform: Platform) -> None:
    url = f"/contributions/{platform.contribution.pk}/comment/"
    client = platform.client("member")
    for headers in ({}, {"HX-Request": "true"}):
        answer = client.post(url, {"text": "y" * 70_000, "preview": "1"}, headers=headers)
        assert b"70,000 bytes; 65,536 is the most" in answer.content


def test_whose_log_in_has_ended_keeps_the_words(platform: Platform) -> None:
    url = f"/contributions/{platform.contribution.pk}/comment/"
    answer = platform.client("stranger").post(url, {"text": "A long <b>story</b>."})
    assert answer.status_code == 403
    assert "A long &lt;b&gt;story&lt;/b&gt;." in answer.content.decode()
    assert f"/account/login/?next=/contributions/{platform.contribution.pk}/discussion/" in answer.content.decode()
    assert Comment.objects.count() == 1


def test_a_quotation_stands_in_the_form_beneath_its_comment(platform: Platform) -> None:
    quoted = factories.make_comment(platform.contribution, "First line.\n\nSecond <b>line</b>.")
    page = page_of(platform, f"?quote={quoted.pk}", "author")
    beneath = page.partition(f'id="comment-{quoted.pk}"')[2]
    assert "&gt; First line.\n&gt;\n&gt; Second &lt;b&gt;line&lt;/b&gt;." in beneath
    assert f'name="parent" value="{quoted.pk}"' in beneath
    assert page.count('id="say"') == 1
    piece = page_of(platform, f"?quote={quoted.pk}&part=form", "author")
    assert piece.startswith("<form")
    remove_comment(person=quoted.author, comment=quoted)
    assert "First line." not in page_of(platform, f"?quote={quoted.pk}", "author")


def test_what_an_edit_changed_can_be_read_until_the_comment_is_removed(platform: Platform) -> None:
    made = comment(author=platform.people["member"], contribution=platform.contribution, text="Kept.\nWrong <i>.")
    edit_comment(person=made.author, comment=made, text="Kept.\nRight.")
    edit_comment(person=made.author, comment=made, text="Kept.\nRight.\nMore.")
    url = f"/comments/{made.pk}/history/"
    page = signed_in(None).get(url).content.decode()
    first, second = re.findall(r'<div class="edition-text">(.*?)</div>', page, re.DOTALL)
    assert first == "<span>Kept.</span><span>Right.</span><ins>More.</ins>"
    assert second == "<span>Kept.</span><del>Wrong &lt;i&gt;.</del><ins>Right.</ins>"
    remove_comment(person=made.author, comment=made)
    assert signed_in(None).get(url).status_code == 404


def test_editions_are_paged(platform: Platform) -> None:
    made = platform.comment
    for number in range(25):
        made.edits.create(text=f"Words {number}", html="")
    url = f"/comments/{made.pk}/history/"
    texts = []
    while url:
        page = signed_in(None).get(url).content.decode()
        texts += re.findall(r"<ins>(.*?)</ins>", page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        url = f"/comments/{made.pk}/history/{found[1]}" if found else ""
    assert texts == [made.text, *(f"Words {number}" for number in range(24, 0, -1))]


def test_the_history_of_what_may_not_be_seen_is_not_shown(platform: Platform) -> None:
    hidden = factories.make_comment(platform.unreceived)
    hidden.edits.create(text="zebra", html="")
    assert platform.status("stranger", f"/comments/{hidden.pk}/history/") == 404
    assert platform.status("author", f"/comments/{hidden.pk}/history/") == 200


def test_votes_order_a_thread_only_when_that_is_asked_for(platform: Platform) -> None:
    liked = factories.make_comment(platform.contribution)
    worse, better = (factories.make_comment(platform.contribution, parent=liked) for _ in range(2))
    for made in (liked, better):
        answer = signed_in(factories.make_person()).post(f"/comments/{made.pk}/vote/", {"value": "1"})
        assert answer["Location"].endswith(f"/discussion/?comment={made.pk}#comment-{made.pk}")
    signed_in(factories.make_person()).post(f"/comments/{worse.pk}/vote/", {"value": "-1"})
    assert places(page_of(platform)) == [platform.comment.pk, liked.pk, worse.pk, better.pk]
    assert places(page_of(platform, "?order=best")) == [liked.pk, better.pk, worse.pk, platform.comment.pk]
    platform.contribution.refresh_from_db()
    assert (platform.contribution.up, platform.contribution.down) == (0, 0)


def test_a_vote_on_a_comment_with_script_sends_the_tally_alone(platform: Platform) -> None:
    url = f"/comments/{platform.comment.pk}/vote/"
    client = platform.client("author")
    answer = client.post(url, {"value": "1"}, headers={"HX-Request": "true"}).content.decode()
    assert answer.startswith('<span class="remark-votes">')
    assert 'value="0" aria-pressed="true"' in answer
    assert "+1" in answer
    assert 'value="0" aria-pressed="true"' in page_of(platform, role="author")
    for value in ("2", "", "x"):
        assert client.post(url, {"value": value}).status_code == 400
    assert CommentVote.objects.get().value == 1


def test_an_accepted_answer_stands_first_beneath_its_question(platform: Platform) -> None:
    asker = platform.client("member")
    home = f"/contributions/{platform.contribution.pk}/"
    asker.post(f"{home}comment/", {"text": "Does it hold on 2.36?", "is_question": "on"})
    question = Comment.objects.get(is_question=True)
    first, second = (factories.make_comment(platform.contribution, parent=question) for _ in range(2))
    assert "1 open question<" in page_of(platform)
    assert "Accept as the answer" in page_of(platform, role="author")
    assert "Accept as the answer" not in page_of(platform)
    asker.post(f"/comments/{second.pk}/accept/")
    page = page_of(platform)
    assert places(page)[-3:] == [question.pk, second.pk, first.pk]
    assert "accepted answer" in page
    assert "open question" not in page
    asker.post(f"/comments/{second.pk}/take-back/")
    assert "1 open question<" in page_of(platform)


def test_deep_and_disliked_comments_are_folded_unless_the_address_leads_there(platform: Platform) -> None:
    chain = [platform.comment]
    for _ in range(6):
        chain.append(factories.make_comment(platform.contribution, parent=chain[-1]))
    disliked = factories.make_comment(platform.contribution, balance=-3)
    page = page_of(platform)
    assert opening(page, chain[3].pk) == opening(page, platform.comment.pk) == "<details open>"
    assert opening(page, chain[4].pk) == opening(page, disliked.pk) == "<details>"
    assert '<span class="remark-size"> · 2 answers</span>' in page
    page = page_of(platform, f"?comment={chain[6].pk}")
    assert opening(page, chain[4].pk) == "<details open>"


@pytest.mark.parametrize("order", ["oldest", "best"])
def test_a_link_opens_the_page_that_holds_the_comment(platform: Platform, monkeypatch: Any, order: str) -> None:
    monkeypatch.setattr(talking, "THREADS", 5)
    tops = [factories.make_comment(platform.contribution, balance=number % 4) for number in range(23)]
    answers = [factories.make_comment(platform.contribution, parent=top) for top in tops]
    seen, url = [], f"?order={order}"
    while url:
        page = page_of(platform, url)
        seen += places(page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        url = found[1].replace("&amp;", "&") if found else ""
    assert len(seen) == len(set(seen)) == 47
    for wanted in answers:
        page = page_of(platform, f"?order={order}&comment={wanted.pk}")
        assert wanted.pk in places(page)
        assert len(places(page)) <= 10


def test_a_thread_that_is_too_long_for_a_page_goes_on_on_the_next(platform: Platform, monkeypatch: Any) -> None:
    monkeypatch.setattr(talking, "MOST_COMMENTS", 10)
    answers = [factories.make_comment(platform.contribution, parent=platform.comment) for _ in range(25)]
    seen, url = [], "?"
    while url:
        page = page_of(platform, url)
        seen += places(page)
        found = re.search(r'href="([^"]*from=\d+)"', page)
        url = found[1].replace("&amp;", "&") if found else ""
    assert seen == [platform.comment.pk, *(answer.pk for answer in answers)]
    assert answers[20].pk in places(page_of(platform, f"?comment={answers[20].pk}"))


def test_names_are_those_who_took_part_and_then_those_who_begin_so(platform: Platform) -> None:
    factories.make_person("memory", name="Mem Ory")
    factories.make_person("membrane", is_active=False)
    client = platform.client("author")

    def names(query: str) -> list[str]:
        return [found["username"] for found in client.get(f"/names/?{query}").json()["people"]]

    here = f"contribution={platform.contribution.pk}"
    assert names(f"{here}&q=") == ["author", "maintainer", "member"]
    assert names(f"{here}&q=mem") == ["member", "memory"]
    assert names("q=m") == []
    assert names("q=%25") == names("q=me%25mb") == []
    assert "@example.org" not in client.get("/names/?q=mem").content.decode()
    assert client.get(f"/names/?q=mem&contribution={factories.make_contribution(received=False).pk}").status_code == 404


def test_a_draft_takes_no_words(platform: Platform) -> None:
    Contribution.objects.filter(pk=platform.contribution.pk).update(is_draft=True)
    url = f"/contributions/{platform.contribution.pk}/comment/"
    assert platform.client("author").post(url, {"text": "Hm."}).status_code == 409
    assert "discussed once it is public" in page_of(platform, role="author")
