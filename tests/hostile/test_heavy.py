"""Diffs, logs and words that are built to be slow: a page shows what it bears, within seconds and a few megabytes."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from contributions import markup
from contributions.errors import Refusal
from contributions.patches import parse_diff
from tests import factories
from tests.pages.conftest import body

if TYPE_CHECKING:
    from tests.pages.conftest import Platform

PATIENCE = 4.0  # seconds, on a machine that does other things besides
MOST = 12 * 2**20  # bytes of a page


@pytest.fixture
def platform(kept_platform: Platform) -> Platform:
    return kept_platform


def one_file(lines: list[bytes], name: str = "a.py") -> bytes:
    zero, one = "0" * 40, "1" * 40
    head = f"diff --git a/{name} b/{name}\nnew file mode 100644\nindex {zero}..{one}\n--- /dev/null\n+++ b/{name}\n"
    return head.encode() + b"@@ -0,0 +1,%d @@\n" % len(lines) + b"".join(b"+%s\n" % line for line in lines)


DIFFS = {
    "one line of 5 MB": one_file([b"a" * 5_000_000]),
    "one line of 5 MB of directions": one_file(["\u202e".encode() * 1_600_000]),
    "a million lines": one_file([b"x = 1"] * 1_000_000),
    "five thousand files": b"".join(one_file([b"x"], f"dir/{number}.py") for number in range(5000)),
    "many brackets": one_file([b"(" * 400] * 3000),
    "many quotes": one_file([b"'\"" * 200] * 3000),
    "one open string": one_file([b'"""' + b"\\" * 300] * 130),
    "html": one_file([b"<a <b <!-- <![CDATA[" * 20] * 130, "a.html"),
    "yaml": one_file([b" " * 40 + b"- ? : - ? :" * 30] * 120, "a.yaml"),
}


@pytest.mark.parametrize("name", DIFFS)
def test_no_diff_keeps_a_page_busy(platform: Platform, name: str) -> None:
    diff = DIFFS[name]
    files = [
        {"path": file.new_path, "old_path": file.old_path, "status": file.status, "added": file.added,
         "removed": file.removed, "start": file.start, "end": file.end}
        for file in parse_diff(diff)
    ]  # fmt: skip
    contribution = factories.make_contribution(component=platform.component, received=False)
    factories.make_revision(contribution, diff=diff, files=files)
    for query in ("", "?view=split", "?file=0", "?view=split&file=0", "?file=0&from=99999999"):
        took, size = shown(platform, f"/contributions/{contribution.pk}/changes/{query}")
        assert took < PATIENCE, query
        assert size < MOST, query


LOGS = {
    "colours": b"\x1b[31;1mx\x1b[0m" * 350_000,
    "colours on lines": b"\x1b[31;1mx\x1b[0m\n" * 300_000,
    "open escapes": b"\x1b[" * 2_000_000,
    "open titles": b"\x1b]" * 2_000_000,
    "long codes": b"\x1b[" + b"1;" * 2_000_000,
    "written over": b"x\r" * 2_000_000,
    "directions": "\u202e".encode() * 1_300_000,
    "half letters": b"\xf0\x9f" * 2_000_000,
    "newlines": b"\n" * 4_000_000,
}


@pytest.mark.parametrize("name", LOGS)
def test_no_log_keeps_a_page_busy(platform: Platform, name: str) -> None:
    revision = platform.build.revision
    build = factories.make_build(revision, platform.release, log=LOGS[name])
    took, size = shown(platform, f"/builds/{build.pk}/")
    assert took < PATIENCE
    assert size < MOST
    took, size = shown(platform, f"/builds/{build.pk}/log/?offset=0&attempt=0", htmx=True)
    assert took < PATIENCE
    assert size < MOST


LONG = markup.MOST - 100
MARKDOWN = {
    text: (text * LONG)[:LONG]
    for text in (
        "[", "[](", "![", "[x][", ">", "> ", "*", "*a ", "a**b_", "***a ", "*_", "`", "`a``", "<", "<a ", "<!--", "<?",
        "<div>", "<a@", "<http:", "&", "&#0;", "\\", "~~a", "[a](b ", "[a](<b", "1. a\n", "- ", "1) ", "> - ", "\t",
        "|", "|\n", "a  \n", "#", "=\n", "[a]: b\n", '[a]: b "', "__a", "a_",
    )
} | {
    "nested lists": "".join("    " * depth + "- a\n" for depth in range(170))[:LONG],
    "nested quotes": "".join("> " * depth + "a\n" for depth in range(240))[:LONG],
    "wide table": "|" * 2000 + "\n" + "|-" * 2000 + "|\n" + "|\n" * 20_000,
    "growing ticks": "".join("`" * count + " " for count in range(1, 350)),
    "references": ("[a]: /u\n\n" + "[a]" * LONG)[:LONG],
}  # fmt: skip


@pytest.mark.parametrize("name", MARKDOWN, ids=ascii)
def test_no_text_keeps_a_processor_busy(name: str) -> None:
    """Such a text is rendered soon or refused soon; how it looks then is its writer's business."""
    started = time.process_time()
    with suppress(Refusal):
        markup.render(MARKDOWN[name])
    assert time.process_time() - started < PATIENCE


WORDS = (
    "(" * 300, "-" * 300, '"' * 300, " or " * 75, "a or " * 60, "-a " * 100, "a " * 150, "\\" * 300, "'" * 300,
    '-"' * 150, "-(" * 150, "- " * 150, "-_" * 150, "-or " * 75, "-:*" * 100, "-'" * 150, "-\u0301" * 150, "a--" * 100,
    '-"a" ' * 60, '-"-' * 100, "-\u200b" * 150, "-&!" * 100, "or -" * 75,
)  # fmt: skip


@pytest.mark.attack("W15")
@pytest.mark.parametrize("words", WORDS, ids=lambda words: ascii(words[:6]))
def test_no_search_keeps_the_database_busy(platform: Platform, words: str) -> None:
    for address in ("/search/", "/api/v1/contributions/"):
        started = time.monotonic()
        assert platform.client("stranger").get(address, {"q": words}).status_code in {200, 400}
        assert time.monotonic() - started < PATIENCE


def shown(platform: Platform, address: str, *, htmx: bool = False) -> tuple[float, int]:
    """How long a page took, in seconds of processor time, and how large it was, in bytes."""
    started = time.process_time()
    answer = platform.client("stranger").get(address, headers={"HX-Request": "true"} if htmx else {})
    content = body(answer)
    assert answer.status_code == 200
    return time.process_time() - started, len(content)
