from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from portal.middleware import CONTENT_SECURITY_POLICY, HEADERS

if TYPE_CHECKING:
    from django.test import Client


def failing(request: HttpRequest) -> NoReturn:
    raise RuntimeError(request.path)


def download(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.path, headers={"Content-Security-Policy": "sandbox; default-src 'none'"})


urlpatterns = [path("failing", failing), path("download", download), path("", include("portal.urls"))]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.mark.attack("W14")
@pytest.mark.parametrize(
    ("address", "status"),
    [("/healthz", 200), ("/no-such-page", 404), ("/failing", 500), ("/%00", 400), ("/healthz?q=%00", 400)],
)
def test_every_answer_is_guarded(client: Client, address: str, status: int) -> None:
    client.raise_request_exception = False
    response = client.get(address)
    assert response.status_code == status
    assert {name: response.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.attack("W12")
def test_a_hostile_host_is_answered_400_and_guarded(client: Client) -> None:
    for host in ("evil.example", "localhost:8000@evil.example", "local host", "a" * 3000, "[::1", "\u00e4"):
        response = client.get("/healthz", headers={"Host": host})
        assert response.status_code == 400
        assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert "evil" not in response.content.decode()


def test_a_nul_in_a_cookie_is_answered_400(client: Client) -> None:
    response = client.get("/healthz", headers={"Cookie": r'sessionid="\000aaaaaaaaaaaaaaaaaaaaaaaa"'})
    assert response.status_code == 400


def test_an_answer_that_brings_its_own_policy_keeps_it(client: Client) -> None:
    assert client.get("/download").headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_the_policy_allows_nothing_inline_and_nobody_else() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
