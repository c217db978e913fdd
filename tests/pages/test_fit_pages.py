"""The page of one fit, and the mark of a fit wherever one stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contributions.models import Fit, Inquiry
from contributions.models.forges import commit_address
from contributions.views.marks import GLYPHS, fit_mark
from tests import factories
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from django.test import Client

    from contributions.models import Contribution

COMMIT = "c" * 40


def page(contribution: Any, release: Any, client: Client | None = None, query: str = "") -> str:
    answer = (client or signed_in(None)).get(f"/contributions/{contribution.pk}/fits/{release.name}/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("state", [*Fit.State.values, ""])
def test_every_state_has_its_glyph_and_word(state: str) -> None:
    mark = fit_mark(state)
    assert f"#{GLYPHS[state]}" in mark
    assert f'data-state="{state}"' in mark
    assert str(Fit.WORDS[state]) in mark


def test_no_two_verdicts_share_a_glyph_or_a_word() -> None:
    verdicts = [state for state in Fit.State.values if state not in {"queued", "running", "errored"}]
    assert len({GLYPHS[state] for state in verdicts}) == len({Fit.WORDS[state] for state in verdicts}) == len(verdicts)


@pytest.mark.django_db
@pytest.mark.parametrize("way", Fit.Way)
def test_a_mark_stands_wherever_a_fit_is_told_and_is_true_of_each_way(way: str) -> None:
    release = factories.make_release()
    patch = factories.make_contribution(release=release)
    state = "applies" if way == Fit.Way.EXACT else "merges"
    factories.make_fit(patch.current, release, state=state, way=way)
    factories.recompute(patch)
    stack = factories.make_stack(patch, is_public=True)
    assembly = factories.make_assembly(stack)
    marks = {
        stack.get_absolute_url(): fit_mark(state),
        assembly.get_absolute_url(): fit_mark("applies"),
        f"/contributions/{patch.pk}/": fit_mark(state),
        release.get_absolute_url(): fit_mark(state, words=f"{Fit.WORDS[state]} here"),
    }
    for address, mark in marks.items():
        told = signed_in(None).get(address).content.decode()
        assert mark in told, address
        assert "3-way" not in told, address


@pytest.mark.parametrize(
    ("upstream", "expected"),
    [
        ("https://github.com/openstack/swift.git", f"https://github.com/openstack/swift/commit/{COMMIT}"),
        ("https://opendev.org/openstack/swift", f"https://opendev.org/openstack/swift/commit/{COMMIT}"),
        ("https://gitlab.com/a/b/c.git", f"https://gitlab.com/a/b/c/-/commit/{COMMIT}"),
        ("https://github.com.evil.example/a/b", ""),
        ("https://user@github.com/a/b", ""),
        ("file:///srv/swift.git", ""),
        ("https://git.example.org/swift.git", ""),
    ],
)
def test_a_commit_is_linked_to_where_the_forge_is_known(upstream: str, expected: str) -> None:
    assert commit_address(upstream, COMMIT) == expected


def test_what_is_no_commit_is_linked_to_nowhere() -> None:
    assert commit_address("https://github.com/a/b", "../../x") == ""


@pytest.mark.django_db
def test_a_cell_of_the_matrix_leads_to_its_reason() -> None:
    contribution = factories.make_contribution()
    release = factories.make_release(contribution.component, "stable/1.0")
    factories.make_fit(contribution.current, release, state="conflicts", conflicts=["proxy/server.py"])
    matrix = signed_in(None).get(f"/contributions/{contribution.pk}/matrix/").content.decode()
    assert f'href="/contributions/{contribution.pk}/fits/stable/1.0/"' in matrix
    assert "proxy/server.py" in page(contribution, release)


@pytest.mark.django_db
def test_an_older_revision_keeps_its_own_reason() -> None:
    contribution = factories.make_contribution()
    release = factories.make_release(contribution.component, "1.0")
    factories.make_fit(contribution.current, release, state="conflicts", conflicts=["old.py"])
    newer = factories.make_revision(contribution)
    factories.make_fit(newer, release, state="applies")
    assert "old.py" not in page(contribution, release)
    assert "old.py" in page(contribution, release, query="?revision=1")
    matrix = signed_in(None).get(f"/contributions/{contribution.pk}/matrix/?revision=1").content.decode()
    assert f"/contributions/{contribution.pk}/fits/1.0/?revision=1" in matrix


@pytest.mark.django_db
def test_a_release_that_it_was_not_tried_on_says_so() -> None:
    contribution = factories.make_contribution()
    release = factories.make_release(contribution.component, "1.0")
    assert "It was not tried on this release" in page(contribution, release)


@pytest.fixture
def contribution(db: None) -> Contribution:
    del db
    component = factories.make_component("swift", upstream_url="https://opendev.org/openstack/swift.git")
    made: Contribution = factories.make_contribution(component=component)
    return made


def fit_on(contribution: Contribution, name: str = "2.0", **given: Any) -> Fit:
    release = factories.make_release(contribution.component, name)
    made: Fit = factories.make_fit(contribution.current, release, **given)
    return made


REASONS = [
    ({"state": "applies", "way": "exact"}, "at the lines that it names"),
    ({"state": "applies", "way": "context"}, "by its context alone"),
    ({"state": "merges", "way": "offset"}, "at other lines than it names"),
    ({"state": "merges", "way": "3-way"}, "with a 3-way merge"),
    ({"state": "upstream", "evidence": "change-id", "upstream_commit": COMMIT}, "has the patch&#x27;s Change-Id"),
    ({"state": "upstream", "evidence": "reverse-apply"}, "in which commit cannot be told"),
    ({"state": "probably-upstream", "evidence": "subject", "upstream_commit": COMMIT}, "Is it the same change?"),
    ({"state": "no-base"}, "format-patch --base=auto"),
    ({"state": "not-for-this-tree", "sentence": "These are paths of nova."}, "These are paths of nova."),
    ({"state": "conflicts", "conflicts": ["a.py"]}, "1 file conflicts"),
    ({"state": "queued"}, "It is being judged"),
    ({"state": "errored", "sentence": "The disk was full."}, "That is our fault"),
]


@pytest.mark.parametrize(("given", "words"), REASONS)
def test_every_verdict_is_told_in_words(contribution: Contribution, given: dict[str, Any], words: str) -> None:
    row = fit_on(contribution, **given)
    shown = page(contribution, row.release)
    assert words in shown
    assert f'data-state="{row.state}"' in shown
    if given.get("upstream_commit"):
        assert f'href="https://opendev.org/openstack/swift/commit/{COMMIT}"' in shown


def test_a_conflict_shows_both_sides_and_who_is_to_blame(contribution: Contribution) -> None:
    row = fit_on(contribution, state="conflicts", **factories.make_reason())
    Inquiry.objects.create(fit=row, state="done")
    shown = page(contribution, row.release)
    assert "It conflicts since" in shown
    assert "<b>Count in German</b>" in shown
    assert "What 2.0 made of it" in shown
    assert "<mark>" in shown, "the words that differ are marked"
    assert "&lt;b&gt;as asked" in shown
    assert "<b>as asked" not in shown
    assert "which the merge 5cf25cf25c brought in" in shown
    assert "The release has no such file any more" in shown
    assert "3 more lines are not shown." in shown
    assert "1 more place is not shown." in shown


@pytest.mark.attack("G34")
def test_a_page_shows_no_more_than_it_bears(contribution: Contribution) -> None:
    side = {"start": 1, "lines": ["line"] * 200, "cut": 0}
    hunk = {"base": side, "ours": side, "theirs": side, "before": [], "after": []}
    files = [{"path": f"{name}.py", "how": "content", "count": 40, "hunks": [hunk] * 40} for name in "ab"]
    clash = factories.make_blob(json.dumps({"files": files}).encode())
    row = fit_on(contribution, state="conflicts", conflicts=["a.py", "b.py"], clash=clash)
    shown = page(contribution, row.release)
    assert len(shown) < 300_000
    assert "39 more places are not shown." in shown
    assert "40 more places are not shown." in shown, "the second file has its count at least"


def test_while_the_culprit_is_looked_for_the_page_says_so(contribution: Contribution) -> None:
    row = fit_on(contribution, state="conflicts", conflicts=["a.py"])
    inquiry = Inquiry.objects.create(fit=row)
    assert "is being looked for" in page(contribution, row.release)
    Inquiry.objects.filter(pk=inquiry.pk).update(state="errored")
    assert "the look for the upstream commit to blame" in page(contribution, row.release)


@pytest.mark.attack("W03")
def test_what_strangers_wrote_is_shown_and_never_run(contribution: Contribution) -> None:
    evil = "<script>alert(1)</script>\u202e"
    reason = factories.make_reason(f"{evil}.py")
    reason["blame"][0] |= {"subject": evil, "author": evil, "commit": "not a commit"}
    parts = [{"sha": evil, "subject": evil, "state": "conflicts", "conflicts": [evil]}]
    row = fit_on(contribution, state="conflicts", commits=parts, renames={evil: evil}, sentence=evil, **reason)
    for shown in (page(contribution, row.release), matrix_of(contribution)):
        assert "<script>alert" not in shown
        assert "\u202e" not in shown
        assert "&lt;script&gt;" in shown, "the control: it is there"


def matrix_of(contribution: Contribution) -> str:
    return signed_in(None).get(f"/contributions/{contribution.pk}/matrix/").content.decode()


def test_a_series_is_told_commit_by_commit(contribution: Contribution) -> None:
    part = {"sha": "a1" * 20, "subject": "Wait", "state": "upstream", "upstream_commit": COMMIT, "conflicts": []}
    row = fit_on(contribution, state="merges", commits=[part], renames={"old.py": "new.py"})
    shown = page(contribution, row.release)
    assert "Commit by commit" in shown
    assert "<code>old.py</code> → <code>new.py</code>" in shown


def asked(contribution: Contribution) -> Fit:
    given = {"state": "probably-upstream", "evidence": "subject", "upstream_commit": COMMIT, "namesake": COMMIT}
    return fit_on(contribution, **given)


def send(client: Client, row: Fit, word: str, **more: str) -> Any:
    form = {"release": row.release.name, "commit": COMMIT, "is_same": word} | more
    return client.post(f"/contributions/{row.revision.contribution_id}/confirm/", form)


def test_it_is_confirmed_and_taken_back_on_its_page(contribution: Contribution) -> None:
    row, client = asked(contribution), signed_in(contribution.author)
    assert "Yes, it is the same" not in page(contribution, row.release)
    assert "Yes, it is the same" in page(contribution, row.release, client)
    answer = send(client, row, "yes")
    assert (answer.status_code, answer["Location"]) == (302, f"/contributions/{contribution.pk}/fits/2.0/")
    row.refresh_from_db()
    assert (row.state, row.evidence) == ("upstream", "confirmed")
    told = page(contribution, row.release)
    assert "says that it is this contribution" in told
    assert str(contribution.author) in told
    send(client, row, "back")
    row.refresh_from_db()
    assert row.state == "probably-upstream"
    send(client, row, "no")
    row.refresh_from_db()
    assert row.state == "conflicts"
    assert "says that it is another change" in page(contribution, row.release, client)


@pytest.mark.parametrize(
    ("more", "status"), [({"is_same": "perhaps"}, 400), ({"commit": "0" * 40}, 400), ({"release": "9.9"}, 404)]
)
def test_what_makes_no_sense_changes_nothing(contribution: Contribution, more: dict[str, str], status: int) -> None:
    row = asked(contribution)
    assert send(signed_in(contribution.author), row, "yes", **more).status_code == status
    row.refresh_from_db()
    assert row.state == "probably-upstream"
