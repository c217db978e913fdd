"""Patches to real releases as people really send them: each ends as it is expected to, in exactly that tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contributions.errors import Invalid
from contributions.patches import is_bundle, read_series
from tests.patches.workshop import receive, run

HERE = Path(__file__).parent
CASES = [json.loads(line) for line in (HERE / "dirty/expected.jsonl").read_text().splitlines()]


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bare repositories with one release each: all its trees, and the files of the directories that are touched."""
    repositories = {}
    for project in ("python-swiftclient", "swift"):
        repo = tmp_path_factory.mktemp("bases") / f"{project}.git"
        run(repo.parent, "git", "init", "-q", "--bare", str(repo))
        run(repo, "git", "index-pack", "--stdin", stdin=(HERE / f"bases/{project}.pack").read_bytes())
        bases = {case["base"] for case in CASES if case["file"].startswith(f"{project}/")}
        (repo / "shallow").write_text("".join(f"{base}\n" for base in bases))
        repositories[project] = repo
    return repositories


def received(bases: dict[str, Path], case: dict[str, str]) -> str:
    repo = bases[case["file"].partition("/")[0]]
    made = receive(repo, case["base"], (HERE / "dirty" / case["file"]).read_bytes())
    return run(repo, "git", "rev-parse", f"{made.tip}^{{tree}}").decode().strip()


def cases(*expectations: str) -> pytest.MarkDecorator:
    chosen = [case for case in CASES if case["expect"] in expectations]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case["file"])


@pytest.mark.attack("P15")
@cases("applies")
def test_what_is_good_becomes_exactly_its_tree(bases: dict[str, Path], case: dict[str, str]) -> None:
    assert received(bases, case) == case["tree"]


@cases("rejects")
def test_what_is_bad_is_refused_in_a_sentence(bases: dict[str, Path], case: dict[str, str]) -> None:
    with pytest.raises(Invalid, match=r"^Line \d+: .*\.$"):
        received(bases, case)


@cases("may")
def test_what_is_doubtful_becomes_its_tree_or_is_refused(bases: dict[str, Path], case: dict[str, str]) -> None:
    try:
        tree = received(bases, case)
    except Invalid:
        assert case["reason"] in {"not-a-patch", "path-not-found"}
    else:
        assert tree == case["tree"]


def test_a_bundle_is_known_by_its_first_line() -> None:
    raw = (HERE / "dirty/swift/78-git-bundle.bundle").read_bytes()
    assert is_bundle(raw)
    assert not is_bundle(raw[1:])


def test_a_cover_letter_becomes_the_description() -> None:
    series = read_series((HERE / "dirty/swift/03-series-with-cover-letter.patch").read_bytes())
    assert series.cover.startswith("Three fixes\n\nWe run this since May on 40 nodes.")
    assert [(patch.part, patch.parts) for patch in series.patches] == [(1, 3), (2, 3), (3, 3)]


def test_an_author_without_charset_keeps_his_letters() -> None:
    series = read_series((HERE / "dirty/swift/43-latin1-author-raw.patch").read_bytes())
    assert series.patches[0].author_name == "J\u00f6rg M\u00fcller"
