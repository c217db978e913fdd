from dataclasses import replace
from pathlib import Path

from contributions.checkout.runner import git
from demo.cutting import Workshop
from demo.ground import Ground
from tests.demo.conftest import SHARE


def test_what_is_sent_is_the_same_every_time(workshop: Workshop, ground: Ground) -> None:
    sending = SHARE.last
    first = workshop.mailbox(SHARE, sending)
    assert first == Workshop(ground.repository).mailbox(SHARE, sending)
    assert b"From: operator-a <operator-a@patchbay.example>" in first.content
    assert b"-verse 15\n+verse XV\n" in first.content


def test_a_diff_says_nothing_of_who_and_why(workshop: Workshop) -> None:
    diff = workshop.diff(SHARE, SHARE.last).content
    assert diff.startswith(b"diff --git a/song.txt b/song.txt\n")
    assert b"operator-a" not in diff


def test_branches_are_made_beside_upstream_not_in_it(workshop: Workshop, ground: Ground) -> None:
    path = workshop.branch(replace(SHARE, branch="fifteen"), SHARE.last)
    assert path == "contributors/song.git"
    assert "refs/heads/fifteen" in branches(workshop.repository)
    assert "refs/heads/fifteen" not in branches(ground.repository)


def branches(repository: Path) -> list[str]:
    return git(repository, "for-each-ref", "--format=%(refname)", "refs/heads").decode().split()
