"""What upstream took in, whatever the names of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.checkout.lineage import Change, Own
from contributions.checkout.sighting import Upstream
from contributions.checkout.upstream import Evidence
from tests.checkout.stories import Story

if TYPE_CHECKING:
    from pathlib import Path

SUBJECT = "Wait longer between two retries of an upload"


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        (b"\x01strange.txt", r"\001strange.txt"),
        (b"\n/strange.txt", r"\n/strange.txt"),
        (b"\xff\xfe.txt", r"\377\376.txt"),
        (b"\x01" + b"0" * 40, r"\001" + "0" * 40),
    ],
)
def test_a_file_of_any_name_is_seen_in_its_commit(tmp_path: Path, name: bytes, quoted: str) -> None:
    story = Story(tmp_path / "mirror.git")
    since = story.commit({"a.txt": "one\n"})
    taken = story.commit({quoted: "two\n", "b.txt": "two\n"}, f"{SUBJECT}\n")
    story.commit({"c.txt": "three\n"}, "Go on\n")
    upstream = Upstream(story.path, since, [story.tip("main")])
    changes = {name: Change("100644", "100644", "1" * 40, "2" * 40)}
    own = Own("f" * 40, (since,), "A Customer", "a@customer.example", "1700000000 +0000", SUBJECT, changes)
    seen = upstream.sighting(own, "")
    assert seen is not None
    assert (seen.commit, seen.evidence) == (taken, Evidence.SUBJECT)
