"""The page of one fit, and the mark of a fit wherever one stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contributions.models import Fit
from contributions.models.forges import commit_address
from contributions.views.marks import GLYPHS, fit_mark
from tests import factories
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from django.test import Client

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
