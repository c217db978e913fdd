"""What commits say that they close is claimed, unless an author says what is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import submit
from contributions.pipeline.receiving import receive
from tests.platform import SONG_MENDED, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Component, Person, Revision

pytestmark = pytest.mark.django_db


def test_what_commits_say_that_they_close_is_claimed(send: Callable[..., Revision]) -> None:
    first = send(title="Count in words\n\nCloses-Bug: #12", song__txt=SONG_MENDED)
    assert [str(claim) for claim in first.contribution.claims.all()] == ["#12"]
    second = send(title="Count in words\n\nCloses-Bug: #13", song__txt=SONG_MENDED)
    assert [str(claim) for claim in second.contribution.claims.all()] == ["#12"], (
        "what stands is its author's to change"
    )


def test_what_its_author_claims_is_not_added_to(author: Person, component: Component, upstream: Upstream) -> None:
    patch = upstream.patch("1.0", "Count in words\n\nCloses-Bug: #12", song__txt=SONG_MENDED)
    shared = submit(
        author=author,
        component=component,
        kind="refinement",
        title="Count",
        release=component.releases.get(name="1.0"),
        source=PatchFile(SimpleUploadedFile("0001.patch", patch)),
        tests="Sing it.",
    )
    receive(shared.revisions.get().pk)
    assert [str(claim) for claim in shared.claims.all()] == ["Sing it."]
