"""From one revision to another, on pages and by the API: what changed, and what became of what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from contributions.actions.comparing import compare
from contributions.errors import Invalid, Missing, NotAllowed
from contributions.models import Comparison, Contribution, Event, Revision
from tests import factories
from tests.api.conftest import Caller, make_token
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.django_db


@pytest.fixture
def two() -> Contribution:
    """A contribution of two revisions, the second with another file."""
    contribution = factories.make_contribution()
    files = {"a.py": "1"}
    contribution.revisions.update(fingerprints=files)
    factories.make_revision(contribution, fingerprints=files | {"b.py": "2"}, carries={"1": "partly"})
    return Contribution.objects.get(pk=contribution.pk)


def page_of(contribution: Contribution, pair: str = "1..2/", person: Any = None) -> str:
    answer = signed_in(person).get(f"/contributions/{contribution.pk}/compare/{pair}")
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def done(contribution: Contribution, **given: Any) -> Comparison:
    older, newer = contribution.revisions.order_by("number")
    return factories.make_comparison(older, newer, **given)


def test_the_page_tells_commits_files_and_what_is_kept(two: Contribution) -> None:
    done(two)
    shown = page_of(two)
    assert "v2 does all that v1 does, and adds other files: votes and reports count half" in shown
    assert '<span class="state" data-state="changed">changed</span>' in shown
    assert "backoff" in shown
    assert "What upstream did between their bases is left out." in shown
    assert 'class="diff diff-split"' in page_of(two, "1..2/?view=split")


def test_a_message_that_was_reworded_is_shown_as_it_changed(two: Contribution) -> None:
    older, newer = two.revisions.order_by("number")
    for revision, body in ((older, "It waits a secnd."), (newer, "It waits a <second>.")):
        Revision.objects.filter(pk=revision.pk).update(commits=[revision.commits[0] | {"body": body}])
    commit = {"word": "reworded", "old": older.tip_commit, "new": newer.tip_commit, "subject": "S", "is_reworded": True}
    done(two, commits=[commit], files=[], diff=None)
    shown = page_of(two)
    assert "other message" in shown
    assert "secnd" in shown
    assert "&lt;" in shown
    assert "<second>" not in shown
    assert "No file differs but for what upstream did between their bases." in shown


def test_what_conflicts_is_named(two: Contribution) -> None:
    done(two, conflicts=["swift/<proxy>.py"])
    shown = page_of(two)
    assert "v1 cannot be laid onto the base of v2" in shown
    assert "swift/&lt;proxy&gt;.py" in shown


def test_while_a_worker_compares_the_page_asks_again(two: Contribution) -> None:
    done(two, state="queued")
    shown = page_of(two)
    assert "A worker compares them next" in shown
    assert 'hx-trigger="every 3s" hx-select="#comparison"' in shown
    assert '<noscript><meta http-equiv="refresh"' in shown


def test_any_two_are_compared_by_a_press_once(two: Contribution) -> None:
    person = factories.make_person()
    assert "Sign in to have it done" in page_of(two)
    assert "Compare v1 with v2</button>" in page_of(two, person=person)
    for _ in range(2):
        answer = signed_in(person).post(f"/contributions/{two.pk}/compare/1..2/make/")
        assert answer["Location"] == f"/contributions/{two.pk}/compare/1..2/"
    assert Comparison.objects.count() == 1
    assert Event.objects.filter(verb="compared", actor=person).count() == 1


def test_what_our_side_gave_up_on_is_queued_again(two: Contribution) -> None:
    done(two, state="errored", sentence="The disk was full.")
    assert "that is our fault. The disk was full." in page_of(two)
    compare(person=factories.make_person(), contribution=two, older=1, newer=2)
    assert Comparison.objects.get().state == "queued"


def test_the_form_leads_to_the_pair_that_it_names(two: Contribution) -> None:
    factories.make_revision(two)
    client, at = Client(), f"/contributions/{two.pk}/compare/"
    for query, pair in (("", "2..3"), ("?newer=2", "1..2"), ("?older=3&newer=1", "1..3")):
        assert client.get(at + query)["Location"] == f"{at}{pair}/", query
    assert "Choose two different revisions." in page_of(two, "?older=2&newer=2")
    assert client.get(f"{at}?older=x").status_code == 400
    assert client.get(f"{at}3..1/").status_code == 400
    assert client.get(f"{at}1..9/").status_code == 404
    assert "only one revision" in page_of(factories.make_contribution(), "")


def test_who_may_not_know_of_it_compares_nothing(two: Contribution) -> None:
    Contribution.objects.filter(pk=two.pk).update(is_draft=True)
    person = factories.make_person()
    assert signed_in(person).post(f"/contributions/{two.pk}/compare/1..2/make/").status_code == 404
    assert signed_in(person).get(f"/contributions/{two.pk}/compare/1..2/").status_code == 404
    assert not Comparison.objects.exists()


def test_what_is_withdrawn_or_no_patch_is_not_compared(two: Contribution) -> None:
    person = factories.make_person()
    for older, newer, refusal in ((2, 1, Invalid), (1, 7, Missing)):
        with pytest.raises(refusal):
            compare(person=person, contribution=two, older=older, newer=newer)
    two.kind = "executable"
    with pytest.raises(Invalid):
        compare(person=person, contribution=two, older=1, newer=2)
    two.kind = "refinement"
    two.move(Contribution.State.WITHDRAWN)
    with pytest.raises(NotAllowed):
        compare(person=person, contribution=two, older=1, newer=2)
    assert not Comparison.objects.exists()


def test_a_note_is_compared_line_by_line() -> None:
    note = factories.make_contribution(kind="experience", received=False)
    for text in ("Drain it.\nStop it.\n", "Drain it.\nStop <it> gently.\n"):
        factories.make_revision(note, source="note", diff=None, text=text)
    shown = page_of(note)
    assert '<tr class="removed">' in shown
    assert "gently" in shown
    assert "<it>" not in shown
    note.revisions.update(text="The same.")
    assert "The note says the same." in page_of(note)


def test_an_executable_tells_its_digests() -> None:
    program = factories.make_contribution(kind="executable", received=False)
    for number in (1, 2):
        factories.make_revision(program, source="artifact", fingerprint=str(number) * 64, filename="run.whl")
    shown = page_of(program)
    assert "1" * 64 in shown
    assert "2" * 64 in shown


def test_the_overview_tells_what_is_kept_half_and_reset(two: Contribution) -> None:
    first = two.revisions.get(number=1)
    for _ in range(2):
        factories.make_vote(two, revision=first)
    factories.make_report(two, revision=first)
    at = f"/contributions/{two.pk}/"
    sentences = {
        "same": "2 votes and 1 field report kept from v1: v2 does the same.",
        "partly": "2 votes and 1 field report on v1 count half: v2 only adds other files.",
        "": "2 votes and 1 field report on v1 are reset: v2 changes what v1 did.",
    }
    for how, sentence in sentences.items():
        two.revisions.filter(number=2).update(carries={"1": how} if how else {})
        for page in (at, f"{at}evidence/"):
            shown = Client().get(page).content.decode()
            assert sentence in shown
            assert f'href="{at}compare/1..2/"' in shown


def test_a_reviewer_is_shown_just_what_changed_since_the_approval(two: Contribution) -> None:
    reviewer = factories.make_person()
    two.component.maintainers.add(reviewer)
    factories.make_review(two.revisions.get(number=1), reviewer=reviewer)
    at = f"/contributions/{two.pk}/"
    shown = signed_in(reviewer).get(at).content.decode()
    assert "of v1; only b.py was added since" in shown
    assert "Look at just what changed since you did" in shown
    queue = signed_in(reviewer).get("/review/").content.decode()
    assert "You approved v1; v2 came since." in queue
    assert f'href="{at}compare/1..2/"' in queue

    two.revisions.filter(number=2).update(carries={"1": "same"})
    shown = signed_in(reviewer).get(at).content.decode()
    assert "kept from v1: the same content" in shown
    assert "It counts no more." not in shown
    assert "You approved v1" not in signed_in(reviewer).get("/review/").content.decode()


def test_ones_own_vote_is_pressed_only_if_it_is_of_what_is_shown(two: Contribution) -> None:
    person = factories.make_person()
    vote = factories.make_vote(two, person=person, revision=two.revisions.get(number=1))
    at = f"/contributions/{two.pk}/"
    assert 'aria-pressed="true"' not in signed_in(person).get(at).content.decode()
    vote.revision = two.current
    vote.save(update_fields=["revision"])
    assert 'aria-pressed="true"' in signed_in(person).get(at).content.decode()


def test_machines_ask_for_comparisons_and_read_them(two: Contribution) -> None:
    person = factories.make_person()
    caller = Caller(person, make_token(person, "write"))
    at = f"contributions/{two.pk}/comparisons/"
    assert caller.get(f"{at}1..2/").status_code == 404
    answer = caller.post(at, {"older": 1, "newer": 2})
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert answer.headers["Location"].endswith(f"/{at}1..2/")
    assert caller.post(at, {"older": 2, "newer": 1}).status_code == 400
    assert caller.get(f"{at}1..2/diff").status_code == 404
    Comparison.objects.all().delete()
    done(two)
    (row,) = Caller().listed(at)
    assert (row["older"], row["newer"], row["state"], row["carries"]) == (1, 2, "done", "partly")
    told = Caller().get(row["url"]).json()
    assert told["commits"][0]["word"] == "changed"
    assert [file["path"] for file in told["files"]] == ["swiftclient/shell.py", "tests/test_shell.py"]
    assert b"backoff" in Caller().get(row["diff"]).whole
    assert Caller().get(f"contributions/{two.pk}/revisions/2/").json()["carries"] == {"1": "partly"}
