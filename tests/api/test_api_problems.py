from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contributions.api.problems import answer
from contributions.errors import Trouble
from contributions.models import Event
from tests.api.conftest import Caller

if TYPE_CHECKING:
    from django.http import HttpResponse

    from tests.api.conftest import Scene

pytestmark = pytest.mark.django_db
PROBLEM = "application/problem+json"


def detail_of(response: HttpResponse, status: int) -> str:
    """The sentence of a problem of that status, whose form is checked."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == PROBLEM
    body = response.json()
    assert body["type"] == "about:blank"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return str(body["detail"])


NOWHERE = [
    "nowhere/", "contributions", "contributions/999999/", "contributions/0/", "contributions/-1/",
    "contributions/99999999999999999999999999/", "contributions/1e3/", "builds/999999/", "builds/9" + "9" * 400 + "/",
    "builds/999999/log", "publications/999999/", "components/nova/", "components/nova/releases/",
    "organisations/nobody/", "organisations/../../etc/passwd/", "contributions/1/revisions/99999999999999999999/",
]  # fmt: skip


def test_what_is_not_there_is_a_problem(member: Caller, subtests: pytest.Subtests) -> None:
    for path in NOWHERE:
        with subtests.test(path=path[:40]):
            detail_of(member.get(path), 404)
            for method in ("post", "put"):
                response = member.call(method, path, {})
                assert response.status_code in {404, 405, 400}
                detail_of(response, response.status_code)


def test_an_address_without_its_slash_tells_where_to_go(stranger: Caller) -> None:
    assert "/api/v1/feed/" in detail_of(stranger.get("feed"), 404)
    assert "Did you mean" not in detail_of(stranger.get("fee/"), 404)


def test_an_unknown_verb_is_a_problem_that_names_the_known_ones(scene: Scene, member: Caller) -> None:
    for method in ("delete", "patch", "options", "trace", "post", "put"):
        response = member.call(method, scene.one)
        detail_of(response, 405)
        assert response.headers["Allow"] == "GET, HEAD"


NO_VOTES = [
        b"", b"{", b"[1]", b'"text"', b"5", b"null", b"\xff\xfe", b"\x00", b'{"value": NaN}', b'{"value": Infinity}',
        b"[" * 100_000, b'{"a":' * 100_000, b'{"value": 1' + b"0" * 5000 + b"}", b'{"value": "1"}', b'{"value": true}',
        b'{"value": 1.0}', b'{"value": 2}', b'{"value": null}', b'{"value": [1]}', b'{"value": {}}',
        b'{"value": 1e400}', b'{"value": -9223372036854775809}',
        b'{"value": 1, "value2": 1}', b'{"value": 1, "person": 1}', b'{"\\ud800": 1}', b"{}",
    ]  # fmt: skip


@pytest.mark.attack("W10")
def test_a_vote_is_minus_one_nought_or_one_and_nothing_else(
    scene: Scene, member: Caller, subtests: pytest.Subtests
) -> None:
    for raw in NO_VOTES:
        with subtests.test(raw=str(raw)[:40]):
            response = member.put(scene.one + "vote/", data=raw, content_type="application/json")
            detail_of(response, 400)
            assert scene.contribution.votes.count() == 0


OTHER_TYPES = ["text/html", "application/xml", "", "application/x-www-form-urlencoded", "a" * 3000]


def test_a_body_of_another_type_is_a_415(scene: Scene, member: Caller, subtests: pytest.Subtests) -> None:
    for kind in OTHER_TYPES:
        with subtests.test(kind=str(kind)[:40]):
            detail_of(member.put(scene.one + "vote/", data=b'{"value": 1}', content_type=kind), 415)


ODD_TEXTS = ["nul \x00", "half \ud800", 5, True, None, ["a"], {"a": "b"}, "", "   ", "\u200b" * 70_000, "x" * 70_000]


def test_odd_text_is_refused_in_words(scene: Scene, member: Caller, subtests: pytest.Subtests) -> None:
    for text in ODD_TEXTS:
        with subtests.test(text=str(text)[:40]):
            response = member.post(scene.one + "comments/", {"text": text})
            assert "text" in response.json()["errors"]
            detail_of(response, 413 if isinstance(text, str) and len(text) > 1000 else 400)
            assert scene.contribution.comments.count() == 0


ODD_PARENTS = [0, -1, 2**63, 10**30, 1.5, "1", True, [], 12345]


def test_an_odd_parent_is_refused(scene: Scene, member: Caller, subtests: pytest.Subtests) -> None:
    for parent in ODD_PARENTS:
        with subtests.test(parent=str(parent)[:40]):
            detail_of(member.post(scene.one + "comments/", {"text": "Yes.", "parent": parent}), 400)


ODD_REPORTS = [
        {"since": "yesterday"}, {"since": 5}, {"since": "9999-99-99"}, {"since": "9999-12-31"}, {"stage": "moon"},
        {"outcome": None}, {"outcome": ["works"]}, {"release": "nowhere"}, {"release": ""}, {"release": 4.7},
        {"organisation": "vendor"}, {"author": 1}, {"environment": "\x00"}, {"text": "\udfff"},
    ]  # fmt: skip


def test_an_odd_report_is_refused(scene: Scene, member: Caller, subtests: pytest.Subtests) -> None:
    for given in ODD_REPORTS:
        with subtests.test(given=str(given)[:40]):
            report = {"release": "4.7.0", "outcome": "works", "stage": "lab"}
            response = member.post(scene.one + "reports/", report | given)
            detail_of(response, 400)
            assert set(given) <= set(response.json()["errors"]), response.json()
            assert scene.contribution.reports.count() == 0


ODD_QUERIES = [
        "page_size=0", "page_size=-1", "page_size=many", "page_size=1.5", "page_size=" + "9" * 2000, "cursor=x",
        "cursor=%00", "cursor=" + "x" * 5000, "cursor=%ED%A0%80", "cursor=W10", "cursor=bnVsbA", "cursor=NQ",
        "cursor=WyItcGsiLGZhbHNlLFsxZTk5OV1d", "cursor=WyItcGsiLGZhbHNlLFtOYU5dXQ",
        "cursor=WyItcGsiLGZhbHNlLFt0cnVlXV0", "cursor=WyItcGsiLGZhbHNlLFsieCJdXQ", "cursor=WyItcGsiLDAsWzFdXQ",
        "kind=spell", "state=lost", "order=worst", "order=-pk", "q=%00", "q=" + "x" * 5000, "component=%00",
        "release=" + "x" * 500,
    ]  # fmt: skip


@pytest.mark.attack("W15")
def test_an_odd_query_is_a_400(scene: Scene, stranger: Caller, subtests: pytest.Subtests) -> None:
    del scene
    for query in ODD_QUERIES:
        with subtests.test(query=str(query)[:40]):
            detail_of(stranger.get("contributions/?" + query), 400)


STRANGE_QUERIES = [
        "q=%ED%A0%80", "q=%27%22%3B--", "q=((((", "q=!%26|", "q=%F0%9F%90%9F", "component=%27", "page_size=1000000000",
        "page_size=", "cursor=", "kind=", "unknown=1", "order=best&order=newest", "release=4.7.0&release=",
        "cursor=WyItcGsiLGZhbHNlLFsxMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMF1d",
    ]  # fmt: skip


def test_a_strange_query_that_means_something_is_answered(
    scene: Scene, stranger: Caller, subtests: pytest.Subtests
) -> None:
    del scene
    for query in STRANGE_QUERIES:
        with subtests.test(query=str(query)[:40]):
            assert stranger.get("contributions/?" + query).status_code == 200


def test_a_cursor_of_another_order_is_refused(scene: Scene, stranger: Caller) -> None:
    for _ in range(2):
        scene.tokened(scene.author).post(
            "contributions/", {"component": "swiftclient", "kind": "experience", "title": "Note", "description": "A."}
        )
    following = Caller(scene.author).get("contributions/?order=newest&page_size=1").json()["next"]
    cursor = following.partition("cursor=")[2].partition("&")[0]
    assert "cursor" in stranger.get(f"contributions/?order=best&cursor={cursor}").json()["errors"]


@pytest.mark.attack("W11")
def test_what_is_done_too_often_is_a_429_that_tells_how_long_to_wait(scene: Scene, member: Caller) -> None:
    Event.objects.bulk_create(Event(verb=Event.Verb.COMMENTED, actor=member.person) for _ in range(20))
    response = member.post(scene.one + "comments/", {"text": "Again."})
    detail_of(response, 429)
    assert int(response.headers["Retry-After"]) > 0


def test_what_has_moved_on_is_a_409(scene: Scene) -> None:
    reviewer = scene.tokened(scene.maintainer)
    detail_of(reviewer.post(scene.one + "reviews/", {"verdict": "approve", "revision": 7}), 409)


def test_a_request_that_is_too_large_is_refused_by_its_length(scene: Scene, member: Caller) -> None:
    huge = {"CONTENT_LENGTH": str(10**12)}
    detail_of(member.put(scene.one + "vote/", data=b"{}", content_type="application/json", **huge), 413)
    detail_of(member.post("contributions/", data=b"", content_type="multipart/form-data; boundary=x", **huge), 413)


def test_a_broken_form_is_a_400(member: Caller, scene: Scene) -> None:
    for raw in (b"", b"--x", b'--x\r\nContent-Disposition: form-data; name="\x00"\r\n\r\n\x00\r\n--x--\r\n'):
        response = member.post("contributions/", data=raw, content_type="multipart/form-data; boundary=x")
        detail_of(response, 400)
    detail_of(member.post("contributions/", data=b"x", content_type="multipart/form-data"), 400)
    session = Caller(scene.author, client=Client(enforce_csrf_checks=True))
    response = session.post("contributions/", data=b"x", content_type="multipart/form-data")
    assert response.status_code in {400, 403}


def test_a_form_of_a_thousand_fields_is_a_400(member: Caller) -> None:
    detail_of(member.upload("contributions/", {f"field{number}": "x" for number in range(1000)}), 400)


def test_a_form_of_many_files_is_a_400(member: Caller) -> None:
    files = {f"file{number}": SimpleUploadedFile("a.patch", b"x") for number in range(50)}
    detail_of(member.upload("contributions/", files), 400)


def test_a_nul_in_the_address_is_a_problem_too(stranger: Caller) -> None:
    detail_of(stranger.get("contributions/?q=%00"), 400)
    detail_of(stranger.get("components/a%00b/"), 400)


def test_a_wrong_host_is_a_problem_too() -> None:
    response = Client().get("/api/v1/feed/", headers={"Host": "evil.example"})
    detail_of(response, 400)
    assert "evil.example" not in response.content.decode()


@pytest.mark.attack("W12")
def test_links_name_the_host_that_was_asked(scene: Scene) -> None:
    del scene
    response = Client().get("/api/v1/contributions/", headers={"X-Forwarded-Host": "evil.example"})
    assert "evil.example" not in response.content.decode()


ACCEPTED = ["text/html", "application/xml", "nonsense", "", "*/*;q=0", "a" * 4000]


def test_whatever_is_accepted_the_answer_is_json(scene: Scene, subtests: pytest.Subtests) -> None:
    for accept in ACCEPTED:
        with subtests.test(accept=str(accept)[:40]):
            client = Client()
            shown = client.get(f"/api/v1/{scene.one}", headers={"Accept": accept})
            assert shown.headers["Content-Type"] == "application/json"
            assert json.loads(shown.content)["number"] == scene.contribution.pk
            detail_of(client.get("/api/v1/nowhere/", headers={"Accept": accept}), 404)


def test_trouble_on_our_side_is_a_503_that_asks_to_try_again() -> None:
    response = answer(Trouble("The disk is full."), {})
    assert response is not None
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert json.loads(response.content)["detail"] == "The disk is full."


def test_guarding_headers_are_on_problems_too(stranger: Caller) -> None:
    response = stranger.get("nowhere/")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
