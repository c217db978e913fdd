"""Addresses and words that are meant to do harm: never a 500, never obeyed."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client

from contributions import markup
from tests import factories

if TYPE_CHECKING:
    from tests.pages.conftest import Platform

QUERIES = [
    "q=%00",
    "q=" + "x" * 5000,
    "q=" + "%20or%20".join("abcdefgh" * 3),
    "q=%22%22%22((((&q=!!!",
    "q=a:*%26!b|%3C->c",
    "q=%ED%A0%80",
    "q=%FF%FE",
    "q=-",
    "page_size=1000000000",
    "page=%00",
    "order=pk",
    "order=-score;drop",
    "kind[]=refinement",
    "kind=none",
    "state=none",
    "component=%27%20or%201=1",
    "component=" + "c" * 5000,
    "release=none",
    "release=%F0%9F%92%A9",
    "organisation=none",
    "author=none",
    "author=" + "a" * 9000,
    "&".join(f"q{n}=1" for n in range(900)),
]
LISTS = ["/contributions/", "/search/", "/builds/", "/published/", "/components/", "/organisations/", "/"]


@pytest.mark.attack("W15")
@pytest.mark.django_db
@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:30])
def test_no_query_string_breaks_a_list(query: str) -> None:
    factories.make_contribution()
    for path in LISTS:
        before = time.monotonic()
        assert Client(raise_request_exception=False).get(f"{path}?{query}").status_code in {200, 400, 404}
        assert time.monotonic() - before < 10


PATHS = [
    "/contributions/0/",
    "/contributions/99999999999999999999999/",
    "/contributions/-1/",
    "/contributions/1e3/",
    "/contributions/%00/",
    "/components/%00/",
    "/components/../../etc/passwd",
    "/components/x/releases/%2e%2e/",
    "/components/x/releases//",
    "/people/%0a/",
    "/people/<script>/",
    "/organisations/..%2f/",
    "/files/" + "0" * 64 + "/x",
    "/files/" + "g" * 64 + "/x",
    "/files/../../settings.py",
    "/builds/99999999999999999999/log/",
    "/simple/%F0%9F%92%A9/",
    "/simple/x/y/z/",
    "/publications/18446744073709551616/",
    "/contributions/1/v99999999999999999999.patch",
    "/comments/99999999999999999999/edit/",
    "/static/../portal/settings.py",
    "/account/tokens/99999999999999999999/revoke/",
]


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_no_path_breaks_the_site(path: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(factories.make_person())
    assert client.get(path).status_code in {301, 302, 400, 404, 405}


WORDS = "<script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x07"


@pytest.mark.attack("W01")
def test_words_of_people_are_shown_and_never_obeyed_on_any_page(platform: Platform) -> None:
    author = factories.make_person("<b>", name=WORDS[:90], about=WORDS)
    organisation = factories.make_organisation(
        name=WORDS[:90], slug="words", about=WORDS, website="javascript:alert(1)"
    )
    contribution = factories.make_contribution(
        component=platform.component,
        release=platform.release,
        author=author,
        organisation=organisation,
        title=WORDS,
        description=WORDS,
        description_html=markup.render(WORDS),
    )
    factories.make_comment(contribution, WORDS, author=author, organisation=organisation, html=markup.render(WORDS))
    factories.make_report(
        contribution, platform.release, organisation=organisation, environment=WORDS, html=markup.render(WORDS)
    )
    factories.make_review(contribution.current, message=WORDS, html=markup.render(WORDS))
    factories.make_fit(contribution.current, platform.release, state="conflicts", conflicts=[WORDS], sentence=WORDS)
    build = factories.make_build(
        contribution.current, platform.release, state="failed", failed_step=WORDS, sentence=WORDS, log=WORDS.encode(),
        refused=[[WORDS, WORDS]], limit=WORDS[:90],
    )  # fmt: skip
    factories.make_artifact(build, WORDS)
    publication = factories.make_publication(build)
    publication.move("withdrawn", reason=WORDS)
    home = f"/contributions/{contribution.pk}/"
    tabs = ["", "changes/", "matrix/", "discussion/", "evidence/"]
    pages = [
        "/",
        "/contributions/",
        "/builds/",
        "/published/",
        "/organisations/",
        "/organisations/words/",
        "/people/%3Cb%3E/",
    ]
    pages += [home + tab for tab in tabs]
    pages += [f"/builds/{build.pk}/", f"/publications/{publication.pk}/", f"/search/?q={WORDS[:30]}"]
    for url in pages:
        text = platform.client("maintainer").get(url).content.decode()
        assert "<script>alert" not in text, url
        assert "<img src=x" not in text, url
        assert not re.search("[\u202e\x07]", text), url
        assert not re.search(r'href="\s*javascript:', text), url


@pytest.mark.django_db
def test_the_query_that_was_typed_is_shown_and_not_obeyed() -> None:
    text = Client().get("/search/", {"q": '"><script>alert(1)</script>'})
    assert "<script>alert" not in text.content.decode()


@pytest.mark.attack("W22")
@pytest.mark.django_db
def test_an_error_of_ours_tells_nothing_of_the_house() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE contributions_contribution RENAME TO lost")
    answer = Client(raise_request_exception=False).get("/contributions/")
    assert answer.status_code == 500
    text = answer.content.decode()
    assert "Our fault" in text
    assert not re.search(r"Traceback|ProgrammingError|contributions_contribution|/views/|SELECT", text)
