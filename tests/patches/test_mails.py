"""Mails of commits: plain `git am` makes the same trees of them, whatever the commits say and hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.checkout.commits import commits_between, mbox
from tests.patches.workshop import AFTER, BEFORE, Workshop, make_workshop

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = [
    "Plain\n\nWords.\n",
    "From lines\n\nFrom here on the pool was full.\nFrom a@b Mon Sep 17 00:00:00 2001\n\nSubject: another\n",
    "Diff in the message\n\ndiff --git a/dos.txt b/dos.txt\n--- a/dos.txt\n+++ b/dos.txt\n@@ -1 +1 @@\n-a\n+b\n",
    "Divider\n\nabove\n---\nbelow\n--- x\n",
    "[area] Brackets in front [x]\n\n[PATCH] not a patch\n",
    "Body like a header\n\nFrom: Else <else@x.example>\nDate: Mon, 1 Jan 2001 00:00:00 +0000\nSubject: other\n\nx\n",
    "Ünïcödé 日本語 in a rather long subject line that is folded into more than one encoded word\n\nGrün.\n",
    "=?utf-8?q?not_encoded?= words\n\nx\n",
    "Scissors\n\nabove\n-- >8 --\nbelow\n",
    "Index\n\nIndex: foo.c\n===\n",
    "Signature\n\n-- \nme\n",
    "Carriage\r returns\n\nwith\r\nlines\r\n",
    "Only a subject\n",
    "A subject\nof two lines\n\nand a body\n",
]


def commit_all(shop: Workshop, message: str) -> str:
    tree = shop.git("rev-parse", f"{shop.tip}^{{tree}}").decode().strip()
    made = shop.git("commit-tree", tree, "-p", shop.base, stdin=message.encode())
    return made.decode().strip()


def git_am(shop: Workshop, raw: bytes, *options: str) -> str:
    shop.git("am", "--abort", ok=(0, 128))
    shop.git("checkout", "-q", "-f", "--detach", shop.base)
    shop.git("clean", "-qfdx")
    shop.git("am", "-q", *options, stdin=raw)
    return shop.git("rev-parse", "HEAD").decode().strip()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return make_workshop(tmp_path_factory.mktemp("own") / "work", BEFORE, AFTER)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.partition("\n")[0][:30])
def test_git_am_makes_the_same_tree_by_the_same_author(own: Workshop, message: str) -> None:
    tip = commit_all(own, message)
    raw = mbox(own.repo, own.base, tip)
    taken = git_am(own, raw)
    assert own.tree(taken) == own.tree(tip)
    form = "--format=%an %ae %ad"
    assert own.git("log", "-1", form, taken) == own.git("log", "-1", form, tip)
    assert own.received_tree(raw) == own.tree(tip), "we read our own mails too"


def test_an_ordinary_message_comes_back_word_for_word(own: Workshop) -> None:
    for message in (MESSAGES[0], MESSAGES[5], MESSAGES[6], "Short\n\n  indented\n\n* list\n"):
        tip = commit_all(own, message)
        (told,) = commits_between(own.repo, own.base, git_am(own, mbox(own.repo, own.base, tip)))
        (meant,) = commits_between(own.repo, own.base, tip)
        assert (told.subject, told.body) == (meant.subject, meant.body)


def test_plain_format_patch_would_not_do(own: Workshop) -> None:
    """The control: git's own mail of a commit with a CR in a file makes another tree, or none."""
    tip = commit_all(own, "Plain\n")
    with pytest.raises(AssertionError):
        assert own.tree(git_am(own, own.git("format-patch", "--stdout", "--binary", "-1", tip))) == own.tree(tip)


@pytest.mark.parametrize("name", ['O"Brien, the third', "Jörg Müller", "a.b (c)", "=?utf-8?q?x?=", "名前", "x\\y"])
def test_any_name_comes_back(own: Workshop, name: str) -> None:
    tree = own.git("rev-parse", f"{own.tip}^{{tree}}").strip()
    who = name.encode() + b" <a@x.example> 1700000000 +0530"
    raw = b"tree %b\nparent %b\nauthor %b\ncommitter %b\n\nname\n" % (tree, own.base.encode(), who, who)
    tip = own.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw).decode().strip()
    taken = git_am(own, mbox(own.repo, own.base, tip))
    assert own.git("log", "-1", "--format=%an|%ae|%ai", taken) == own.git("log", "-1", "--format=%an|%ae|%ai", tip)


def test_a_series_keeps_its_order_beyond_nine(workplace: Path) -> None:
    shop = make_workshop(workplace, *({"file": b"%d\n" % number} for number in range(12)))
    raw = mbox(shop.repo, shop.base, shop.tip)
    assert b"Subject: [PATCH 01/11] State 1\n" in raw
    assert shop.tree(git_am(shop, raw)) == shop.tree(shop.tip)
    assert shop.received_tree(raw) == shop.tree(shop.tip)
    assert raw == mbox(shop.repo, shop.base, shop.tip)
