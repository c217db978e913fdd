from pathlib import Path

import pytest

from contributions.checkout.deltas import Author, cut_delta, cut_deltas
from contributions.checkout.runner import git
from contributions.checkout.sdists import File, SourceRelease, write_repository

AUTHOR = Author("An engineer", "engineer@customer.example")


def make_release(version: str, files: dict[str, str]) -> SourceRelease:
    kept = {name: File("100644", text.encode()) for name, text in files.items()}
    return SourceRelease(version, "0" * 64, 1_700_000_000, kept)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    older = {"pkg/a.py": "a = 1\n", "pkg/b.py": "b = 1\n", "pkg/tests/test_a.py": "", "README": "one\n"}
    newer = {"pkg/a.py": "a = 2\n", "pkg/b.py": "b = 2\n", "pkg/tests/test_a.py": "x = 1\n", "README": "two\n"}
    write_repository("p", [make_release("1.0", older), make_release("2.0", newer)], tmp_path / "p.git")
    return tmp_path / "p.git"


def test_each_source_file_becomes_a_mail_together_with_its_test(repo: Path) -> None:
    deltas = cut_deltas(repo, "p", "1.0", "2.0", author=AUTHOR)
    assert sorted(delta.files for delta in deltas) == [("pkg/a.py", "pkg/tests/test_a.py"), ("pkg/b.py",)]
    assert all(b"From: An engineer <engineer@customer.example>" in delta.mail for delta in deltas)


def test_the_same_releases_give_the_same_mails(repo: Path) -> None:
    first = cut_deltas(repo, "p", "1.0", "2.0", author=AUTHOR)
    assert cut_deltas(repo, "p", "1.0", "2.0", author=AUTHOR) == first
    assert len(cut_deltas(repo, "p", "1.0", "2.0", author=AUTHOR, most=1)) == 1


def test_a_delta_sits_on_the_older_release_with_the_files_of_the_newer(repo: Path) -> None:
    for delta in cut_deltas(repo, "p", "1.0", "2.0", author=AUTHOR):
        assert git(repo, "rev-parse", f"{delta.commit}^") == git(repo, "rev-parse", "1.0^{commit}")
        for name in delta.files:
            assert git(repo, "rev-parse", f"{delta.commit}:{name}") == git(repo, "rev-parse", f"2.0:{name}")
        assert git(repo, "show", f"{delta.commit}:README") == b"one\n"


def test_chosen_files_become_a_series_with_messages_of_its_own(repo: Path) -> None:
    first = cut_delta(repo, "1.0", "2.0", ["pkg/a.py"], message="Make a two\n\nIt was one.\n", author=AUTHOR)
    second = cut_delta(repo, "1.0", "2.0", ["pkg/b.py"], message="Make b two\n", author=AUTHOR, onto=first.commit)
    assert first.subject == "Make a two"
    assert b"Subject: [PATCH] Make a two" in first.mail
    assert git(repo, "rev-parse", f"{second.commit}^").decode().strip() == first.commit
    assert git(repo, "diff", "--name-only", "1.0", second.commit).split() == [b"pkg/a.py", b"pkg/b.py"]
