"""A tool settles conflicts by REST: it reads what is asked, answers by ids, and proposes what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contributions.models import Settlement
from contributions.pipeline.receiving import receive
from contributions.pipeline.reconciling import reconcile
from tests.api.conftest import Caller, make_token
from tests.factories import make_person

if TYPE_CHECKING:
    from contributions.models import Contribution

pytestmark = pytest.mark.django_db


def test_a_tool_reads_answers_and_proposes(loud: Contribution) -> None:
    caller, at = Caller(make_person()), f"contributions/{loud.pk}/ports/settlements/4.0/"
    assert caller.get(at).status_code == 404, "nothing is begun"
    begun = caller.post(at, {})
    assert (begun.status_code, begun.json()["state"], begun.json()["passes"]) == (200, "queued", [])
    reconcile(Settlement.objects.get().pk)
    told: dict[str, Any] = caller.get(at).json()
    assert (told["state"], told["revision"], told["release"], told["patch"]) == ("asks", 1, "4.0", None)
    [place] = told["passes"][-1]["files"][0]["places"]
    assert place["choices"] == ["ours", "theirs", "ours-first", "theirs-first", "text"]
    answer = {"id": place["id"], "choice": "text", "text": "verse XIV\r\nVERSE XV\r\n"}
    assert caller.post(at, {"answers": [answer | {"choice": "mine"}]}).status_code == 400
    assert caller.post(at, {"answers": [answer | {"id": "0" * 20}]}).status_code == 409
    assert caller.get(f"{at}patch").status_code == 404
    sent = caller.post(at, {"seen": told["seen"], "answers": [answer]})
    assert sent.json()["answers"] == [answer | {"text": "verse XIV\nVERSE XV\n"}]
    reconcile(Settlement.objects.get().pk)
    assert caller.get(at).json()["state"] == "ready"
    assert b"+VERSE XV\n" in caller.get(f"{at}patch").whole
    made = caller.post(f"contributions/{loud.pk}/ports/", {"release": "4.0", "settled": True, "note": "Romans."})
    assert (made.status_code, made.json()["number"], made.json()["note"]) == (201, 2, "Romans.")
    receive(loud.revisions.get(number=2).pk)
    assert loud.revisions.get(number=2).state == "received"
    assert caller.get(at).status_code == 404, "it is proposed"


def test_nobody_else_reads_it_and_a_token_needs_its_scope(loud: Contribution) -> None:
    person, at = make_person(), f"contributions/{loud.pk}/ports/settlements/4.0/"
    assert Caller(person, make_token(person, "read")).post(at, {}).status_code == 403
    assert Caller(person, make_token(person, "write")).post(at, {}).status_code == 200
    assert Caller(person, make_token(person, "read")).get(at).status_code == 200
    assert Caller(make_person()).get(at).status_code == 404
    assert Caller(make_person(is_staff=True)).get(at).status_code == 404
    assert Caller().get(at).status_code == 401
    assert Caller(make_person()).call("delete", at).status_code == 404
    assert Caller(person, make_token(person, "read")).call("delete", at).status_code == 403
    assert Caller(person).call("delete", at).status_code == 204
    assert Caller(person).get(at).status_code == 404
