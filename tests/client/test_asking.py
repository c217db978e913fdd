"""Checking, searching, submitting and reporting with the client."""

from __future__ import annotations

import ast
import hashlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from contributions.models import Contribution, FieldReport, Fit
from tests import factories
from tests.locks import lock_on

from .conftest import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contributions.models import Person, Release

    from .conftest import Desk

PATCH = (
    b"""From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: Ann <ann@example.org>
Subject: [PATCH 1/1] Wait longer
 between retries

---
"""
    + factories.DIFF
)


@pytest.fixture
def release(live_server: Any) -> Release:
    del live_server
    return factories.make_release(factories.make_component("swiftclient"), "4.7.0")


def test_its_syntax_is_that_of_python_3_8_and_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(PROGRAM.read_text(), feature_version=(3, 8))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    assert imported <= set(sys.stdlib_module_names)


@pytest.mark.django_db
def test_the_page_tells_the_digest_of_the_very_program() -> None:
    told = Client().get("/patchbay.py")
    digest = hashlib.sha256(PROGRAM.read_bytes()).hexdigest()
    assert told.content == PROGRAM.read_bytes()
    assert told.headers["ETag"] == f'"{digest}"'
    assert Client().get("/patchbay.py", headers={"If-None-Match": f'"{digest}"'}).status_code == 304
    assert digest in Client().get("/client/").content.decode()


def test_a_check_ends_with_the_code_of_what_is_worst(desk: Desk, release: Release) -> None:
    first, second = (factories.make_contribution(release=release) for _ in range(2))
    lock = desk.lock(lock_on(release, first.current, second.current))
    fine = desk.run("stack", "check", lock)
    assert (fine.code, fine.err) == (0, "")
    later = factories.make_release(release.component, "4.8.0")
    factories.make_fit(first.current, later, state=Fit.State.UPSTREAM, upstream_commit="d" * 40)
    merged = desk.run("stack", "check", lock, "--release", "4.8.0")
    assert merged.code == 10
    assert f"upstream     #{first.pk} v1" in merged.out
    assert "4.8.0 has it: commit dddddddddddd." in merged.out
    second.move(Contribution.State.WITHDRAWN)
    taken = desk.run("stack", "check", lock, "--json")
    assert taken.code == taken.json["exit_code"] == 12
    assert taken.json["counts"]["withdrawn"] == 1


def test_a_check_reads_a_lock_from_its_input(desk: Desk, release: Release) -> None:
    name = desk.lock(lock_on(release))
    assert desk.run("stack", "check", "-", given=(desk.place / name).read_bytes()).code == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"format": "poetry"}'])
def test_what_is_no_lock_is_a_wrong_call(desk: Desk, content: bytes) -> None:
    ended = desk.run("stack", "check", "-", given=content)
    assert ended.code == 2
    assert ended.err.startswith("patchbay.py: - is no")


def test_a_release_that_is_not_there_is_the_sites_refusal(desk: Desk, release: Release) -> None:
    ended = desk.run("stack", "check", desk.lock(lock_on(release)), "--release", "9.9")
    assert ended.code == 3
    assert "has no release '9.9'" in ended.err


def test_a_site_that_is_away_is_told_as_such(desk: Desk) -> None:
    ended = desk.run("search", "retries", PATCHBAY_SITE="http://127.0.0.1:1")
    assert ended.code == 3
    assert "cannot be reached" in ended.err
    for odd in ("nowhere", "ftp://a", "http://a:b", "http://[", "file:///etc/passwd"):
        assert desk.run("search", "retries", "--site", odd).code == 2


def test_search_shows_what_is_found_and_no_command_to_the_terminal(desk: Desk, release: Release) -> None:
    title = "Retry \x1b]0;owned\x07 and \u202e turn"
    found = factories.make_contribution(release=release, title=title)
    ended = desk.run("search", "retry", "--component", "swiftclient")
    assert ended.code == 0
    assert f"#{found.pk} Retry" in ended.out
    assert "\x1b" not in ended.out
    assert "\u202e" not in ended.out
    assert "\\x1b]0;owned\\x07" in ended.out
    assert "\x1b" not in desk.run("search", "retry", "--json").out
    assert desk.run("search", "nothingofthekind").out == "Nothing was found.\n"


def test_a_patch_is_shared_once_however_often_it_is_sent(desk: Desk, release: Release, member: Person) -> None:
    desk.log_in(member)
    words = ("submit", "-", "--component", "swiftclient", "--release", "4.7.0")
    first, second = desk.run(*words, given=PATCH), desk.run(*words, given=PATCH)
    made = Contribution.objects.get()
    assert first.out == second.out == f"{desk.site}/contributions/{made.pk}/\n"
    assert (made.title, made.author, made.release) == ("Wait longer between retries", member, release)
    assert made.revisions.get().raw.read() == PATCH
    desk.run(*words, "--title", "Another", given=PATCH)
    assert Contribution.objects.count() == 2


def test_a_report_is_noted_for_the_organisation(desk: Desk, release: Release, member: Person) -> None:
    desk.log_in(member)
    contribution = factories.make_contribution(release=release)
    words = ("report", f"#{contribution.pk}", "works", "--release", "4.7.0", "--stage", "production")
    assert desk.run(*words, "--since", "2026-01-31").code == 0
    noted = FieldReport.objects.get()
    assert (noted.organisation, noted.outcome, noted.stage) == (member.organisation, "works", "production")
    refused = desk.run("report", str(contribution.pk), "works", "--release", "9.9")
    assert (refused.code, "has no release" in refused.err) == (3, True)


def test_without_a_token_the_site_refuses_and_says_so(desk: Desk, release: Release) -> None:
    del release
    ended = desk.run("submit", "-", "--component", "swiftclient", given=PATCH)
    assert ended.code == 3
    assert "refused (401)" in ended.err


def test_a_token_that_others_may_read_is_not_used(desk: Desk, member: Person) -> None:
    desk.log_in(member)
    assert desk.run("search", "x").code == 0
    (desk.home / ".config" / "patchbay.token").chmod(0o640)
    ended = desk.run("search", "x")
    assert ended.code == 2
    assert "chmod 600" in ended.err


def test_a_token_goes_over_no_open_wire(desk: Desk) -> None:
    ended = desk.run("search", "x", "--site", "http://patches.example.org", PATCHBAY_TOKEN="pb_secret")
    assert ended.code == 2
    assert "pb_secret" not in ended.err


def test_the_site_is_also_found_in_the_configuration_and_in_the_call(desk: Desk, release: Release) -> None:
    del release
    assert desk.run("search", "x", PATCHBAY_SITE="").code == 2
    (desk.home / ".config" / "patchbay.ini").write_text(f"[patchbay]\nsite = {desk.site}\n")
    assert desk.run("search", "x", PATCHBAY_SITE="").code == 0
    assert desk.run("--site", desk.site, "search", "x", PATCHBAY_SITE="http://127.0.0.1:1").code == 0
    (desk.home / ".config" / "patchbay.ini").write_text("no section\n")
    assert desk.run("search", "x", PATCHBAY_SITE="").code == 2


class Elsewhere:
    """A host that answers everything in one way, and remembers what it was sent."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.heard: list[dict[str, str]] = []
        outer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.heard.append(dict(self.headers))
                answer(self)

            def log_message(self, *arguments: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.address = f"http://localhost:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def elsewhere() -> Iterator[Callable[..., Elsewhere]]:
    made: list[Elsewhere] = []

    def host(status: int, content: bytes = b"{}", **headers: str) -> Elsewhere:
        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(content)

        made.append(Elsewhere(answer))
        return made[-1]

    yield host
    for one in made:
        one.server.shutdown()
        one.server.server_close()


def test_the_token_stays_behind_when_the_site_leads_to_another_host(desk: Desk, elsewhere: Any) -> None:
    other = elsewhere(200)
    site = elsewhere(302, Location=f"{other.address}/api/")
    env = {"PATCHBAY_SITE": site.address, "PATCHBAY_TOKEN": "pb_secret"}
    assert desk.run("search", "x", **env).code == 0
    assert site.heard[0]["Authorization"] == "Token pb_secret"  # the control: it was sent where it belongs
    assert "Authorization" not in other.heard[0]


@pytest.mark.parametrize(
    ("status", "content", "headers"),
    [
        (200, b"<html>", {}),
        (200, b"[]", {}),
        (200, b"[" * 100_000, {}),
        (200, b"{", {"Content-Length": "100"}),
        (500, b"\xff", {}),
        (429, b'{"detail": "Too \\u001b[31m often."}', {"Retry-After": "7"}),
        (302, b"", {"Location": "file:///etc/passwd"}),
        (302, b"", {"Location": "/api/v1/contributions/"}),
    ],
)
def test_an_odd_answer_ends_in_a_sentence(
    desk: Desk, elsewhere: Any, status: int, content: bytes, headers: dict[str, str]
) -> None:
    site = elsewhere(status, content, **headers)
    ended = desk.run("search", "x", PATCHBAY_SITE=site.address)
    assert ended.code == 3
    assert ended.err.startswith("patchbay.py: ")
    assert "\x1b" not in ended.err
