from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, strategies

from contributions.errors import TooLarge
from contributions.markup import BRACKETS, BRACKETS_A_BLOCK, MOST, TAGS, render, reveal, reveal_code

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:x)",
    "<javascript:alert(1)>",
    '[x](https://a.example "onmouseover=alert(1)")',
    "![x](https://tracker.example/pixel.png)",
    "![x](javascript:alert(1))",
    "<a href='https://a.example' style='position:fixed'>x</a>",
    "<form action=https://evil.example><input></form>",
    "<base href=https://evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<style>body{display:none}</style>",
    "<math><mtext><script>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "`<script>alert(1)</script>`",
    "```html\n<script>alert(1)</script>\n```",
    "[x]: javascript:alert(1)\n\n[x]",
    "| <script> | x |\n|-|-|\n| a | b |",
    "[x](//evil.example)",
    "[x](/\\evil.example)",
    "[x](\\\\evil.example)",
]


@pytest.mark.attack("W01")
@pytest.mark.parametrize("text", ATTACKS)
def test_nothing_but_harmless_tags_comes_out(text: str) -> None:
    html = render(text)
    assert set(re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)", html)) <= TAGS
    assert not re.search(r"<[^>]*\son\w+\s*=", html)
    assert not re.search(r"<[^>]*\sstyle\s*=", html)
    assert not re.search(r'href="\s*(?!https?://|mailto:|#|%5C|/(?![/\\]))[^"]', html)


@given(strategies.text())
def test_any_text_can_be_rendered(text: str) -> None:
    assert set(re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)", render(text))) <= TAGS


SLOW = [
    "# a\n",
    "a\n=\n",
    "-\n",
    "[a](",
    "[",
    "![",
    "[a](b ",
    "*a ",
    "**a",
    "`",
    "> ",
    "- ",
    "<",
    "<div>",
    "&",
    "|a",
    "[a][",
    "a**b_ ",
    "<!--",
    "\\",
]


@pytest.mark.parametrize("piece", SLOW)
def test_no_text_takes_long(piece: str) -> None:
    before = time.process_time()
    render((piece * MOST)[:MOST])
    assert time.process_time() - before < 5


@pytest.mark.parametrize("piece", ["[", "[a][", "[a](b ", "![a](b "])
def test_brackets_just_below_the_limits_do_not_take_long(piece: str) -> None:
    block = piece * (BRACKETS_A_BLOCK // piece.count("["))
    before = time.process_time()
    render("\n\n".join([block] * (BRACKETS // BRACKETS_A_BLOCK))[:MOST])
    assert time.process_time() - before < 5


def test_a_text_that_would_take_long_is_shown_as_it_was_typed() -> None:
    typed = "[ " * (BRACKETS_A_BLOCK + 1) + "<b>"
    assert render(typed) == f"<pre>{typed.replace('<', '&lt;').replace('>', '&gt;').replace(' ', '&#32;')}</pre>"


def test_a_long_log_in_a_fence_is_no_reason_to_give_up() -> None:
    log = "[INFO] [main] ready\n" * 1000
    assert "<strong>bold</strong>" in render(f"**bold**\n\n```\n{log}```\n")


def test_deep_lists_neither_fail_nor_take_long() -> None:
    before = time.process_time()
    render("\n".join("  " * depth + "- a" for depth in range(250)))
    assert time.process_time() - before < 2


def test_a_text_that_is_too_long_is_refused_with_the_limit() -> None:
    with pytest.raises(TooLarge, match="65,536"):
        render("ä" * (MOST // 2 + 1))


def test_what_people_write_looks_as_they_expect() -> None:
    html = render("# Title\n\nA *word*, ~~gone~~, [link](https://a.example).\n\n| a |\n|-|\n| b |\n")
    assert "<h3>Title</h3>" in html
    assert "<em>word</em>" in html
    assert "<s>gone</s>" in html
    assert 'rel="nofollow ugc noopener noreferrer"' in html
    assert "<td>b</td>" in html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("if x:\t# tab stays\n", "if x:\t# tab stays\n"),
        ("a\x1b[31mb", "a␛[31mb"),
        ("\x00\x7f\x85", "␀␡⟨U+0085⟩"),
        ("access\u202e lamron", "access⟨U+202E⟩ lamron"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
        ("two\u2028lines", "two⟨U+2028⟩lines"),
    ],
)
def test_unseen_characters_are_shown_in_code(text: str, shown: str) -> None:
    assert reveal_code(text) == shown


@pytest.mark.parametrize("text", ["\u0645\u06cc\u200c\u062e\u0648", "👩\u200d💻", "\u200f\u05d0\u05d1", "naïve"])
def test_honest_prose_in_any_script_is_left_as_it_is(text: str) -> None:
    assert reveal(text) == text
    assert text in render(text)


def test_prose_cannot_turn_the_words_around_it() -> None:
    assert reveal("fix\u202egpj.exe\x07") == "fix⟨U+202E⟩gpj.exe␇"
    assert "⟨U+202E⟩" in render("a \u202e b")
