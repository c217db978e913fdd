"""Commits made of patches: on the blobs they were made from, at places that are sure, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from contributions.checkout.commits import PatchText, commits_between, diff, make_commits
from contributions.errors import Invalid, Refusal
from contributions.patches import parse_diff, read_series
from tests.patches.workshop import AT, COMMITTER, Workshop, as_texts, lines, make_workshop

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = b"def again():\n    one()\n    two()\n    three()\n    return 4\n\n"


def test_the_same_patch_makes_the_same_commits(shop: Workshop) -> None:
    first, second = shop.receive(shop.format_patch()), shop.receive(shop.format_patch())
    assert first == second
    assert shop.git("log", "-1", "--format=%an <%ae> %aI|%cn <%ce> %cI|%B", first.tip).decode().strip() == (
        "An Operator <operator@customer.example> 2023-11-14T22:13:20+01:00|"
        "Patchbay <patchbay@example.invalid> 2024-02-03T04:05:06+00:00|State 1\n\nWhat was done 1 times."
    )


def test_a_series_becomes_one_commit_each(workplace: Path) -> None:
    shop = make_workshop(workplace, *({"file": lines(1, 10 + number)} for number in range(5)))
    made = shop.receive(shop.format_patch("--cover-letter"))
    assert len(made.commits) == 4
    assert [commit.subject for commit in commits_between(shop.repo, shop.base, made.tip)] == [
        f"State {number}" for number in range(1, 5)
    ]
    assert shop.tree(made.tip) == shop.tree(shop.tip)


def test_a_patch_is_merged_from_the_blobs_it_was_made_from(workplace: Path) -> None:
    """The second of three equal blocks was changed; since then the lines above them are gone."""
    before, after = BLOCK * 3, BLOCK + BLOCK.replace(b"two()", b"2()") + BLOCK
    shop = make_workshop(workplace, {"file": lines(1, 6) + before}, {"file": lines(1, 6) + after})
    patch = shop.git("diff", "--full-index", shop.base, shop.tip)
    shop = make_later(shop, {"file": before})
    made = shop.receive(patch, base=shop.tip)
    assert shop.git("show", f"{made.tip}:file") == after
    shop.git("apply", "--index", "-", stdin=patch)
    assert shop.git("show", ":file") == BLOCK * 2 + BLOCK.replace(b"two()", b"2()"), "the control: git alone errs"


def test_a_patch_of_an_older_file_that_conflicts_is_refused_by_name(workplace: Path) -> None:
    shop = make_workshop(workplace, {"a/file": lines(1, 9)}, {"a/file": lines(1, 4) + b"x\n" + lines(6, 9)})
    patch = shop.format_patch()
    shop = make_later(shop, {"a/file": lines(1, 4) + b"y\n" + lines(6, 9)})
    with pytest.raises(Invalid, match="conflicts with the release: a/file"):
        shop.receive(patch, base=shop.tip)


def make_later(shop: Workshop, state: dict[str, bytes]) -> Workshop:
    for name, content in state.items():
        (shop.path / name).write_bytes(content)
    shop.git("commit", "-qam", "later")
    return replace(shop, tip=shop.git("rev-parse", "HEAD").decode().strip())


def without_ids(patch: bytes) -> bytes:
    return b"\n".join(line for line in patch.split(b"\n") if not line.startswith(b"index "))


def test_a_hunk_that_fits_in_two_places_and_not_in_its_own_is_refused(workplace: Path) -> None:
    shop = make_workshop(workplace, {"file": BLOCK * 2}, {"file": BLOCK + BLOCK.replace(b"two()", b"2()")})
    patch = without_ids(shop.git("diff", shop.base, shop.tip))
    shop = make_later(shop, {"file": b"# new\n" + BLOCK * 3})
    with pytest.raises(Invalid, match=r"hunk 1 of “file” \(line 6\) fits in 2 places"):
        shop.receive(patch, base=shop.tip)


def test_a_hunk_whose_base_is_unknown_and_whose_text_repeats_is_refused_even_at_its_line(workplace: Path) -> None:
    after = BLOCK + BLOCK.replace(b"two()", b"2()") + BLOCK
    shop = make_workshop(workplace, {"file": BLOCK * 3}, {"file": after})
    known = shop.git("diff", "--full-index", shop.base, shop.tip)
    blob = shop.git("rev-parse", f"{shop.base}:file").strip()
    assert shop.received_tree(known) == shop.tree(shop.tip)
    with pytest.raises(Invalid, match="fits in 2 places"):
        shop.receive(known.replace(blob, b"1" * 40))


def test_a_hunk_that_moved_is_placed_and_told(workplace: Path) -> None:
    shop = make_workshop(workplace, {"file": lines(1, 40)}, {"file": lines(1, 20) + b"x\n" + lines(21, 40)})
    patch = without_ids(shop.git("diff", shop.base, shop.tip))
    shop = make_later(shop, {"file": lines(-4, 0) + lines(1, 40)})
    made = shop.receive(patch, base=shop.tip)
    assert made.warnings == ("The hunk 1 of “file” (line 18) was found at line 23.",)
    assert shop.git("show", f"{made.tip}:file") == lines(-4, 20) + b"x\n" + lines(21, 40)


def test_a_hunk_that_does_not_apply_is_named(workplace: Path) -> None:
    shop = make_workshop(workplace, {"file": lines(1, 40)}, {"file": lines(1, 3) + lines(5, 30) + lines(32, 40)})
    patch = without_ids(shop.git("diff", shop.base, shop.tip))
    shop = make_later(shop, {"file": lines(1, 28) + b"other\n" + lines(30, 40)})
    with pytest.raises(Invalid, match=r"The hunk 2 of “file” \(line 28\) does not apply"):
        shop.receive(patch, base=shop.tip)


def test_a_refused_patch_leaves_no_object(workplace: Path) -> None:
    shop = make_workshop(workplace, {"file": lines(1, 9)}, {"file": lines(1, 8)}, {"file": lines(2, 8)})
    objects = sorted(shop.repo.glob("objects/??/*"))
    good, bad = shop.git("format-patch", "--stdout", "-2"), shop.git("format-patch", "--stdout", "-1")
    damaged = good[: -len(bad)] + bad.replace(b"-line 1 of", b"-line 0 of")
    with pytest.raises(Refusal):
        shop.receive(damaged)
    assert sorted(shop.repo.glob("objects/??/*")) == objects
    assert not list(shop.repo.glob("bench-*"))


def test_a_change_that_is_there_already_is_refused(shop: Workshop) -> None:
    with pytest.raises(Refusal):
        shop.receive(shop.format_patch(), base=shop.tip)


def test_a_part_of_a_series_that_does_not_apply_is_named(workplace: Path) -> None:
    shop = make_workshop(workplace, {"file": lines(1, 9)}, {"file": lines(1, 8)}, {"file": lines(2, 8)})
    texts = as_texts(read_series(shop.format_patch()))
    with pytest.raises(Invalid, match=r"^Part 2 of 2: "):
        make_commits(shop.repo, shop.base, [texts[0], texts[0]], committer=COMMITTER, at=AT)


def test_a_copy_cannot_bring_in_a_blob_from_elsewhere(workplace: Path) -> None:
    """Somebody who guesses the id of another customer's file must not get its content."""
    shop = make_workshop(workplace, {"public": b"public\n"}, {"secret": b"secret\n"})
    secret = shop.git("rev-parse", f"{shop.tip}:secret").decode().strip()
    heads = ("copy from public\ncopy to mine\n", "rename from public\nrename to mine\n")
    for head in heads:
        patch = f"diff --git a/public b/mine\n{head}index {secret}..{secret} 100644\n"
        try:
            made = shop.receive(patch.encode())
        except Refusal:
            continue
        assert b"secret" not in shop.git("log", "-p", made.tip)


def test_a_link_may_not_be_moved_to_where_it_points_out_of_the_tree(workplace: Path) -> None:
    shop = make_workshop(workplace, {"a/b/file": b"x\n"})
    (shop.path / "a/b/link").symlink_to("../../file")
    shop.git("add", "-A")
    shop.git("commit", "-qm", "link")
    base = shop.git("rev-parse", "HEAD").decode().strip()
    move = b"diff --git a/a/b/link b/link\nsimilarity index 100%\nrename from a/b/link\nrename to link\n"
    with pytest.raises(Invalid, match="“link” would point out of the tree"):
        shop.receive(move, base=base)


@pytest.mark.parametrize("name", ["", "<>", ".,;", "a\nb <c>", "\x00", "\udcff", "x" * 5000, "Jörg"])
def test_any_author_makes_a_commit(shop: Workshop, name: str) -> None:
    text = replace(as_texts(read_series(shop.format_patch()))[0], author_name=name, author_email=name)
    made = make_commits(shop.repo, shop.base, [text], committer=COMMITTER, at=AT)
    assert shop.tree(made.tip) == shop.tree(shop.tip)
    shop.git("fsck", "--strict", made.tip)


@pytest.mark.attack("P15")
@pytest.mark.parametrize("message", ["", "\n\n", "\x00", "# only a comment", "\udcff\n\nx", "x" * 70000])
def test_any_message_makes_a_commit(shop: Workshop, message: str) -> None:
    text = replace(as_texts(read_series(shop.format_patch()))[0], message=message, authored_at=None)
    made = make_commits(shop.repo, shop.base, [text], committer=COMMITTER, at=AT)
    assert shop.tree(made.tip) == shop.tree(shop.tip)


def test_a_date_without_calendar_is_told_as_none(shop: Workshop) -> None:
    tree = shop.git("rev-parse", f"{shop.tip}^{{tree}}").strip()
    who = b"A <a@x.example> 99999999999999999 +0000"
    raw = b"tree %b\nparent %b\nauthor %b\ncommitter %b\n\nodd\n" % (tree, shop.base.encode(), who, who)
    tip = shop.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw).decode().strip()
    (commit,) = commits_between(shop.repo, shop.base, tip)
    assert (commit.subject, commit.authored_at) == ("odd", None)


def test_attributes_of_the_tree_do_not_hide_a_change(workplace: Path) -> None:
    shop = make_workshop(workplace, {".gitattributes": b"*.c -diff\n", "x.c": b"1\n"}, {"x.c": b"2\n"})
    bare = workplace.parent / "bare.git"
    shop.git("clone", "-q", "--bare", ".", str(bare))
    (change,) = parse_diff(diff(bare, shop.base, shop.tip))
    assert (change.added, change.removed) == (1, 1)


def test_the_author_may_be_unknown(shop: Workshop) -> None:
    text = PatchText("Words\n", "", "", None, read_series(shop.format_patch()).patches[0].diff)
    made = make_commits(shop.repo, shop.base, [text], committer=COMMITTER, at=datetime(2024, 1, 1, tzinfo=UTC))
    assert shop.git("log", "-1", "--format=%an %ae", made.tip) == b"Patchbay patchbay@example.invalid\n"
