from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from hypothesis import given, strategies

from contributions.views.ansi import Style, painted_lines
from contributions.views.builds import SHOWN
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Build


@pytest.mark.parametrize(
    ("raw", "html"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m not", '<span class="ansi-red">red</span> not'),
        ("\x1b[1;32mbold green\x1b[m", '<span class="ansi-green ansi-bold">bold green</span>'),
        ("\x1b[91mbright\x1b[39m none", '<span class="ansi-red">bright</span> none'),
        ("\x1b[38;5;3mpalette\x1b[0m", '<span class="ansi-yellow">palette</span>'),
        ("\x1b[38;5;200mfar\x1b[0m", "far"),
        ("\x1b[38;2;1;2;3mtrue\x1b[0m", "true"),
        ("\x1b[38mcut\x1b[0m", "cut"),
        ("\x1b[2Kerased\x1b[10;10Hmoved", "erasedmoved"),
        ("\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07", "link"),
        ("\x1b]0;title\x1b\\text", "text"),
        ("\x1b[31", ""),
        ("tail \x1b", "tail "),
        ("10%\r50%\r100%", "100%"),
        ("windows\r", "windows"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\x1b[31m<b>\x1b[0m", '<span class="ansi-red">&lt;b&gt;</span>'),
        ("bell\x07 null\x00", "bell␇ null␀"),
        ("\u202eright to left", "⟨U+202E⟩right to left"),
    ],
)
def test_a_line_shows_its_colours_and_nothing_else_that_terminals_do(raw: str, html: str) -> None:
    assert painted_lines(raw)[0] == [html]


def test_a_colour_lasts_over_lines_and_over_pieces() -> None:
    lines, style = painted_lines("\x1b[33mone\ntwo")
    assert lines == ['<span class="ansi-yellow">one</span>', '<span class="ansi-yellow">two</span>']
    again, _ = painted_lines("three", Style.read(style.mark))
    assert again == ['<span class="ansi-yellow">three</span>']


@pytest.mark.parametrize("mark", ["", "999", '"><script>', "x", "xxxx", "8x1"])
def test_a_mark_that_is_none_means_plain(mark: str) -> None:
    assert Style.read(mark) == Style()


@given(strategies.text(alphabet="\x1b[]0123456789;:mKH\x07\\\r<>&\"'ab\n", max_size=200))
def test_no_log_breaks_out_of_its_line(text: str) -> None:
    for line in painted_lines(text)[0]:
        assert re.fullmatch(r'(?:<span class="[a-z -]+">[^<>]*</span>|[^<>])*', line)


def test_a_very_long_line_is_cut_and_says_so() -> None:
    [line] = painted_lines("x" * 1_000_000)[0]
    assert len(line) < 5000
    assert "996,000 more characters" in line


def running(log: bytes = b"") -> Build:
    build = factories.make_build(state="running", attempts=1)
    if log:
        build.write_log(0, log)
    return build


def poll(build: Build, **asked: object) -> str:
    query = {"offset": 0, "line": 1, "mark": "x00", "attempt": build.attempts} | asked
    return Client().get(f"/builds/{build.pk}/log/", query, headers={"HX-Request": "true"}).content.decode()


@pytest.mark.django_db
def test_a_running_log_is_polled_line_by_line_until_the_verdict() -> None:
    build = running(b"\x1b[31mone\ntwo\npart")
    page = Client().get(f"/builds/{build.pk}/").content.decode()
    assert re.findall(r'id="L(\d+)"', page) == ["1", "2"]
    offset, line, mark = re.search(r"offset=(\d+)&amp;line=(\d+)&amp;mark=(\w+)", page).groups()  # type: ignore[union-attr]
    assert (offset, line, mark) == ("13", "3", "100")
    assert 'id="L' not in poll(build, offset=offset, line=line, mark=mark)  # its line has not ended yet
    build.write_log(17, b"ial\nfour\n")
    piece = poll(build, offset=offset, line=line, mark=mark)
    assert re.findall(r'id="L(\d+)"', piece) == ["3", "4"]
    assert '<span class="ansi-red">partial</span>' in piece
    assert 'hx-trigger="every 2s"' in piece


@pytest.mark.django_db
def test_the_last_poll_brings_the_verdict_and_no_further_poll() -> None:
    build = running(b"one\n")
    finished = factories.make_build(log=b"one\ntwo without an end")
    piece = poll(finished, offset=4, line=2, attempt=0)
    assert 'id="L2"' in piece
    assert "two without an end" in piece
    assert 'hx-swap-oob="true"' in piece
    assert "<b>Passed</b>" in piece
    assert "hx-trigger" not in piece
    assert "hx-trigger" in poll(build, offset=4, line=2)


@pytest.mark.django_db
def test_a_build_that_began_anew_makes_the_page_begin_anew() -> None:
    build = running(b"one\n")
    answer = Client().get(f"/builds/{build.pk}/log/", {"attempt": 7}, headers={"HX-Request": "true"})
    assert answer["HX-Refresh"] == "true"


@pytest.mark.django_db
def test_a_long_log_shows_its_end_with_true_line_numbers() -> None:
    log = b"".join(b"line %d\n" % number for number in range(1, 60_001))
    build = factories.make_build(log=log)
    page = Client().get(f"/builds/{build.pk}/").content.decode()
    shown = [int(number) for number in re.findall(r'id="L(\d+)"', page)]
    assert shown[-1] == 60_000
    assert "<span>line 60000</span>" in page
    assert f'id="L{shown[0]}"><a href="#L{shown[0]}">{shown[0]}</a><span>line {shown[0]}</span>' in page
    assert "are left out here" in page
    assert len(page) < SHOWN * 10


@pytest.mark.django_db
def test_the_log_as_text_is_the_bytes_from_where_it_is_asked() -> None:
    build = factories.make_build(log=b"\x1b[31mcolours stay\xff\n" * 10_000)
    answer = Client().get(f"/builds/{build.pk}/log/", {"offset": 5})
    assert answer.content == (b"\x1b[31mcolours stay\xff\n" * 10_000)[5:]
    assert answer["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.django_db
@pytest.mark.parametrize("offset", ["-1", "x", "9" * 30, "1.5", "٣"])
def test_an_offset_is_a_number(offset: str) -> None:
    build = factories.make_build()
    assert Client().get(f"/builds/{build.pk}/log/", {"offset": offset}).status_code == 400


VERDICTS = {
    "passed": "<b>Passed</b>",
    "failed": "<b>Failed</b> in the step “test” with exit code 3",
    "timed-out": "<b>Timed out</b> in the step “test”",
    "errored": "<b>Errored:</b> our side broke, not the patch",
    "queued": "<b>Queued.</b>",
}


@pytest.mark.django_db
@pytest.mark.parametrize("state", VERDICTS)
def test_a_build_ends_in_a_clear_verdict(state: str) -> None:
    build = factories.make_build(
        state=state, failed_step="test", exit_code=3, limit="memory limit of 512 MB", refused=[["dist/x", "a link"]]
    )
    page = Client().get(f"/builds/{build.pk}/").content.decode()
    assert VERDICTS[state] in page
    assert f'data-state="{state}"' in page
    assert "It reached the memory limit of 512 MB." in page
    assert "<code>dist/x</code>: a link" in page


@pytest.mark.django_db
def test_a_failure_that_the_bare_release_has_too_is_told_apart() -> None:
    build = factories.make_build(state="failed")
    factories.make_build(None, build.release, state="failed")
    page = Client().get(f"/builds/{build.pk}/").content.decode()
    assert "Was already failing: the bare release does not pass either." in page


@pytest.mark.django_db
def test_a_red_build_names_what_the_patch_broke_on_its_page_in_lists_and_to_machines() -> None:
    build = factories.make_build(state="failed", failed_step="test", failed_test="a<b>", failed_tests=["a<b>", "c"])
    bare = factories.make_build(None, build.release, state="failed", failed_step="test", failed_tests=["c"])
    sentence = "Fails a&lt;b&gt;, which the bare release passes."
    number = build.revision.contribution_id
    places = (f"/builds/{build.pk}/", "/builds/", f"/contributions/{number}/matrix/")
    factories.make_fit(build.revision, build.release)
    for place in (*places, f"/contributions/{number}/fits/{build.release.name}/"):
        assert sentence in Client().get(place).content.decode(), place
    assert "passes without the patch" in Client().get(places[0]).content.decode()
    told = Client().get(f"/api/v1/builds/{build.pk}/").json()
    assert told["failed_tests"] == ["a<b>", "c"]
    assert told["baseline"] == {
        "build": bare.pk, "word": "only-with-this-patch", "new_tests": ["a<b>"],
        "sentence": "Fails a<b>, which the bare release passes.",
    }  # fmt: skip
    listed = {row["id"]: row for row in Client().get("/api/v1/builds/").json()["results"]}
    assert (listed[build.pk]["baseline"], listed[bare.pk]["baseline"]) == (told["baseline"], None)


JAIL = {
    "version": "0.8.0",
    "user": 64999,
    "cgroups": {"version": 1, "bound": ["cpu", "memory", "pids"]},
    "limits": {"wall_seconds": 600, "idle_seconds": 300, "memory_mb": 2048, "processes": 256, "disk_mb": 1024,
               "files": 262144, "file_mb": 512, "artifacts": 200, "artifact_mb": 256, "log_bytes": 4194304},
}  # fmt: skip


@pytest.mark.django_db
def test_the_page_and_the_api_tell_what_confined_a_build() -> None:
    build = factories.make_build(executor="bubblewrap", sandbox=JAIL, toolchain_digest="7" * 64)
    page = Client().get(f"/builds/{build.pk}/").content.decode()
    assert "bubblewrap 0.8.0" in page
    assert "user 64999 of its host" in page
    assert "600 s in all, 300 s without output, 2048 MB of memory" in page
    assert "1024 MB of disk in 262144 files of up to 512 MB" in page
    assert "7" * 64 in page
    told = Client().get(f"/api/v1/builds/{build.pk}/").json()
    assert (told["executor"], told["sandbox"], told["toolchain_digest"]) == ("bubblewrap", JAIL, "7" * 64)


@pytest.mark.django_db
def test_a_queued_build_says_when_no_builder_may_build() -> None:
    build = factories.make_build(state="queued")
    factories.make_builder("a.example", refusal="Builds are refused on a.example.")
    assert "No builder may build at present" in Client().get(f"/builds/{build.pk}/").content.decode()
    factories.make_builder("b.example")
    assert "No builder may build at present" not in Client().get(f"/builds/{build.pk}/").content.decode()


LIMITS = [
    ("timed-out", "time limit of 600 seconds"),
    ("timed-out", "limit of 300 seconds without output"),
    ("failed", "memory limit of 512 MB"),
    ("failed", "limit of 64 processes"),
    ("failed", "disk limit of 1024 MB"),
    ("failed", "limit of 262144 files"),
    ("failed", "limit of 96 MB for one file"),
    ("failed", "log limit of 64 MB"),
]


@pytest.mark.django_db
@pytest.mark.attack("S38")
@pytest.mark.parametrize(("state", "limit"), LIMITS)
def test_the_limit_that_ended_a_build_is_named_with_its_value(state: str, limit: str) -> None:
    build = factories.make_build(state=state, limit=limit, failed_step="test", sentence="It ended.")
    page = Client().get(f"/builds/{build.pk}/").content.decode()
    assert f"It reached the {limit}." in page
    assert Client().get(f"/api/v1/builds/{build.pk}/").json()["limit"] == limit
    unlimited = factories.make_build(state=state, failed_step="test", sentence="It ended.")
    assert "It reached the" not in Client().get(f"/builds/{unlimited.pk}/").content.decode()
