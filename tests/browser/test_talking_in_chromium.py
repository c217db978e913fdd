"""Talking with script: votes in place, answers beneath what they answer, names that complete, words that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import make_comment, make_component, make_contribution, make_person, make_release

if TYPE_CHECKING:
    from contributions.models import Comment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def asked() -> Comment:
    """A question with two answers, on a contribution whose author took part."""
    author, other = make_person("author", name="The Author"), make_person("anna", name="Anna Operator")
    release = make_release(make_component("swift"), "2.36.0")
    contribution = make_contribution(author=author, release=release, comment_count=3, question_count=1)
    question = make_comment(contribution, "Does it hold on 2.36?", author=other, is_question=True)
    make_comment(contribution, "It does, with `eventlet` 0.33.", parent=question, author=author, balance=2)
    make_comment(contribution, "Not for us.", parent=question, balance=-1)
    return question


def test_people_talk_without_leaving_the_page(asked: Comment, visit: Any) -> None:
    visitor = visit(width=1280)
    visitor.log_in(asked.author)
    address = f"/contributions/{asked.contribution_id}/discussion/"
    page = visitor.go(address)
    good = asked.replies.get(balance=2)
    page.locator(f"#comment-{good.pk}").get_by_role("button", name="Vote up").click()
    page.locator(f"#comment-{good.pk} [aria-pressed=true]").wait_for()
    assert page.url.endswith(address)
    good.refresh_from_db()
    assert good.balance == 1, "counted from rows"

    page.locator(f"#comment-{good.pk}").get_by_role("link", name="Quote").click()
    page.locator(f"#comment-{good.pk} #say").wait_for()
    area = page.get_by_label("Comment", exact=True)
    page.wait_for_function("document.querySelector('#say textarea').value.startsWith('> It does')")
    area.press_sequentially("Thanks @au")
    page.get_by_role("option", name="@author").wait_for()
    visitor.check()
    area.press("Enter")
    assert area.input_value().endswith("Thanks @author ")
    page.get_by_role("button", name="Preview").click()
    page.locator("#preview .prose a[href='/people/author/']").wait_for()
    visitor.check()

    page.reload()
    assert page.locator(f"#comment-{good.pk} #say textarea").input_value().endswith("Thanks @author ")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**?comment=*")
    made = asked.contribution.comments.get(parent=good)
    assert made.text.startswith("> It does")
    assert page.locator("#say textarea").input_value() == ""

    page.locator(f"#comment-{good.pk}").get_by_role("button", name="Accept as the answer").first.click()
    page.locator(f"#comment-{good.pk}[data-state=accepted]").wait_for()
    visitor.check()
    visitor.check_width()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")])
def test_the_discussion_is_readable_everywhere(asked: Comment, visit: Any, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    visitor.log_in(asked.contribution.author)
    visitor.go(f"/contributions/{asked.contribution_id}/discussion/?answer={asked.pk}")
    visitor.check()
    visitor.check_width()
    asked.edits.create(text="Does it hold?\nOn 2.36?", html="")
    visitor.go(f"/comments/{asked.pk}/history/")
    visitor.check()
    visitor.check_width()


def test_without_script_the_same_is_done_by_forms(asked: Comment, visit: Any) -> None:
    visitor = visit(scripts=False)
    visitor.log_in(asked.author)
    page = visitor.go(f"/contributions/{asked.contribution_id}/discussion/")
    good = asked.replies.get(balance=2)
    page.locator(f"#comment-{good.pk}").get_by_role("button", name="Vote up").click()
    assert good.votes.get().value == 1
    page.locator(f"#comment-{good.pk}").get_by_role("link", name="Answer").click()
    page.get_by_label("Comment", exact=True).fill("So it is.")
    page.get_by_role("button", name="Preview").click()
    assert page.locator("#preview .prose").inner_text() == "So it is."
    page.get_by_role("button", name="Send").click()
    assert asked.contribution.comments.get(parent=good).text == "So it is."
