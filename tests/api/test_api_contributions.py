from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.api.rows import COLUMNS
from contributions.api.shapes.contributions import ContributionShape
from contributions.models import Contribution, Review, Revision
from tests import factories
from tests.api.conftest import Caller

if TYPE_CHECKING:
    from tests.api.conftest import Scene

pytestmark = pytest.mark.django_db
MAIL = b"""\
From 1111111111111111111111111111111111111111 Mon Sep 17 00:00:00 2001
From: Operator <operator@example.org>
Date: Thu, 1 Jan 2026 12:00:00 +0000
Subject: [PATCH] Wait longer between retries

Caf\xe9 latin-1 on purpose.
---
 a.txt | 2 +-
 1 file changed, 1 insertion(+), 1 deletion(-)

diff --git a/a.txt b/a.txt
--- a/a.txt
+++ b/a.txt
@@ -1 +1 @@
-one
+two
--
2.39.5
"""
FIX = {"component": "swiftclient", "kind": "refinement", "title": "Wait longer", "release": "4.7.0"}
NOTE = {"component": "swiftclient", "kind": "experience", "title": "It is fast", "description": "Very *fast*."}


def test_a_patch_is_uploaded_as_it_is(scene: Scene, member: Caller) -> None:
    del scene
    response = member.upload("contributions/", FIX | {"patch": SimpleUploadedFile("0001-Wait.patch", MAIL)})
    assert response.status_code == 201, response.content
    shown = response.json()
    assert response.headers["Location"] == shown["url"]
    assert shown["author"] == member.person.username
    assert shown["organisation"] == member.person.organisation.slug
    assert shown["latest"]["state"] == "queued"
    assert shown["revision"] is None
    revision = Revision.objects.get(contribution=shown["number"])
    assert revision.raw.read() == MAIL
    assert revision.filename == "0001-Wait.patch"
    assert member.get(shown["url"]).json() == shown


def test_a_patch_may_come_as_json_text(scene: Scene, member: Caller) -> None:
    del scene
    text = MAIL.replace(b"\xe9", b"e").decode()
    response = member.post("contributions/", FIX | {"patch": text, "release": "swiftclient-4.7.0"})
    assert response.status_code == 201, response.content
    assert Revision.objects.get(contribution=response.json()["number"]).raw.read() == text.encode()


def test_a_branch_on_a_git_server_is_taken(scene: Scene, member: Caller, settings: Any) -> None:
    del scene
    settings.ALLOW_PRIVATE_UPSTREAMS = True
    where = {"git_url": "git://127.0.0.1/swiftclient.git", "git_ref": "refs/heads/fix"}
    response = member.post("contributions/", FIX | where)
    assert response.status_code == 201, response.content
    revision = Revision.objects.get(contribution=response.json()["number"])
    assert (revision.source, revision.git_url, revision.git_ref) == ("git", where["git_url"], where["git_ref"])


HOSTILE_ADDRESSES = [
        ("ext::sh -c id", "main"), ("file:///etc", "main"), ("/etc", "main"), ("--upload-pack=id", "main"),
        ("https://127.0.0.1/x.git", "main"), ("https://user:pass@example.org/x.git", "main"),
        ("https://example.org/x.git", "--exec=id"), ("https://example.org/x.git", "a..b"),
        ("https://example.org/\nx", "main"), ("", "main"), ("https://example.org/x.git", ""),
    ]  # fmt: skip


def test_a_hostile_git_address_is_refused_at_once(scene: Scene, member: Caller, subtests: pytest.Subtests) -> None:
    del scene
    for url, ref in HOSTILE_ADDRESSES:
        with subtests.test(url=str(url)[:40]):
            response = member.post("contributions/", FIX | {"git_url": url, "git_ref": ref})
            assert response.status_code == 400, response.content
            assert Contribution.objects.count() == 1


def test_an_executable_is_uploaded_with_its_digest(scene: Scene, member: Caller) -> None:
    del scene
    wheel = b"PK\x03\x04" * 1000
    form = FIX | {"kind": "executable", "sha256": hashlib.sha256(wheel).hexdigest().upper()}
    response = member.upload("contributions/", form | {"artifact": SimpleUploadedFile("a-1.0-py3-none-any.whl", wheel)})
    assert response.status_code == 201, response.content
    wrong = form | {"sha256": "0" * 64, "artifact": SimpleUploadedFile("a.whl", wheel)}
    response = member.upload("contributions/", wrong)
    assert response.status_code == 400
    assert "sha256" in response.json()["errors"]


def test_an_experience_is_its_description(scene: Scene, member: Caller) -> None:
    del scene
    response = member.post("contributions/", NOTE)
    assert response.status_code == 201, response.content
    assert response.json()["description_html"] == "<p>Very <em>fast</em>.</p>"
    response = member.post("contributions/", NOTE | {"description": " "})
    assert "description" in response.json()["errors"]


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({}, "kind"),  # a refinement without a patch
    ({"patch": "diff", "git_url": "https://example.org/x.git", "git_ref": "main"}, "git_url"),
    ({"git_url": "https://example.org/x.git"}, "git_ref"),
    ({"git_ref": "main"}, "git_url"),
    ({"patch": "diff", "sha256": "0" * 64}, "sha256"),
    ({"patch": ""}, ""),
    ({"patch": 5}, "patch"),
    ({"patch": None}, "patch"),
    ({"patch": ["diff"]}, "patch"),
    ({"patch": "half \ud800"}, "patch"),
    ({"artifact": "not a file"}, "artifact"),
    ({"patch": "diff", "component": "nova"}, "component"),
    ({"patch": "diff", "component": 5}, "component"),
    ({"patch": "diff", "release": "5.0"}, "release"),
    ({"patch": "diff", "release": ["4.7.0"]}, "release"),
    ({"patch": "diff", "kind": "experience"}, "kind"),
    ({"patch": "diff", "kind": "spell"}, "kind"),
    ({"patch": "diff", "title": ""}, "title"),
    ({"patch": "diff", "title": "\x01\u0007"}, "title"),
    ({"patch": "diff", "title": {}}, "title"),
]


def test_what_cannot_be_shared_is_refused_with_the_field(
    scene: Scene, member: Caller, subtests: pytest.Subtests
) -> None:
    del scene
    for given, field in UNUSABLE:
        with subtests.test(given=str(given)[:40]):
            response = member.post("contributions/", FIX | given)
            assert response.status_code == 400, response.content
            if field:
                assert field in response.json()["errors"], response.json()
            assert Contribution.objects.count() == 1


NOT_THE_CALLERS = ["state", "author", "score", "is_staff", "id", "number", "current", "organisation"]


@pytest.mark.attack("W06")
def test_fields_that_are_not_the_callers_to_set_are_refused(
    scene: Scene, member: Caller, subtests: pytest.Subtests
) -> None:
    del scene
    for name in NOT_THE_CALLERS:
        with subtests.test(name=str(name)[:40]):
            for response in (
                member.post("contributions/", NOTE | {name: "approved"}),
                member.upload("contributions/", NOTE | {name: "approved"}),
            ):
                assert response.status_code == 400
                assert name in response.json()["errors"]
            assert Contribution.objects.count() == 1


def test_a_title_that_is_too_long_is_a_413(scene: Scene, member: Caller) -> None:
    del scene
    response = member.post("contributions/", NOTE | {"title": "x" * 201})
    assert response.status_code == 413
    assert "title" in response.json()["errors"]


def test_a_patch_that_is_too_large_is_a_413(scene: Scene, member: Caller, settings: Any) -> None:
    del scene
    settings.MAX_PATCH_BYTES = 2000
    response = member.upload("contributions/", FIX | {"patch": SimpleUploadedFile("a.patch", b"x" * 3000)})
    assert response.status_code == 413
    assert "2,000" in response.json()["detail"]
    assert Contribution.objects.count() == 1


def test_a_file_may_be_larger_than_any_other_body(scene: Scene, member: Caller, settings: Any) -> None:
    del scene
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 5000
    file = SimpleUploadedFile("a.whl", b"x" * 20_000)
    form = FIX | {"kind": "executable", "artifact": file}
    assert member.upload("contributions/", form).status_code == 201
    assert member.post("contributions/", NOTE | {"description": "x" * 6000}).status_code == 413


def test_what_the_database_writes_is_what_the_schema_declares(scene: Scene) -> None:
    [row] = Caller().listed("contributions/")
    assert list(row) == list(ContributionShape().fields)
    one = scene.contribution
    named = {"component", "author", "organisation", "release", "revision", "licence"}
    own = set(COLUMNS) - named - {"created_at"}
    assert {name: row[name] for name in own} == {name: getattr(one, name) for name in own}
    assert {name: row[name] for name in named} == {
        "licence": "Apache-2.0",
        "component": "swiftclient",
        "author": one.author.username,
        "organisation": one.organisation.slug,
        "release": "4.7.0",
        "revision": 1,
    }
    assert ContributionShape().fields["created_at"].to_internal_value(row["created_at"]) == one.created_at


def test_one_contribution_tells_where_it_stands(scene: Scene) -> None:
    shown = Caller().get(scene.one).json()
    [standing] = shown["standings"]
    assert standing["release"] == "4.7.0"
    assert standing["fit"] == "applies"
    assert standing["build_state"] == "passed"
    assert standing["score"] == pytest.approx(shown["score"])
    assert shown["description_html"] == "<p>Waits *longer*.</p>"
    for link in shown["links"].values():
        assert Caller().get(link).status_code == 200


def test_the_patch_is_the_same_bytes_for_ever(scene: Scene) -> None:
    mbox = scene.contribution.current.mbox
    response = Caller().get(scene.one + "revisions/1/patch")
    assert response.whole == mbox.read()
    assert response.headers["ETag"] == f'"{mbox.sha256}"'
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["Content-Type"].startswith("text/plain")
    assert int(response.headers["Content-Length"]) == mbox.size
    again = Caller().get(scene.one + "revisions/1/patch", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304
    assert not again.content
    assert Caller().get(scene.one + "revisions/1/diff").whole == scene.contribution.current.diff.read()


def test_what_has_no_patch_says_so(scene: Scene) -> None:
    scene.contribution.revisions.update(mbox=None, diff=None)
    for part in ("patch", "diff"):
        response = Caller().get(scene.one + f"revisions/1/{part}")
        assert response.status_code == 404
        assert "no patch" in response.json()["detail"]
    assert Caller().get(scene.one).json()["links"]["patch"] is None


def test_a_new_revision_is_numbered_and_queued(scene: Scene) -> None:
    author = scene.tokened(scene.author, "write", "read")
    file = SimpleUploadedFile("v2.patch", MAIL)
    response = author.upload(scene.one + "revisions/", {"patch": file, "note": "Now with tests."})
    assert response.status_code == 201, response.content
    assert response.json()["number"] == 2
    assert response.json()["note"] == "Now with tests."
    assert response.json()["release"] == "4.7.0"
    assert author.get(response.headers["Location"]).json() == response.json()
    assert [row["number"] for row in author.listed(scene.one + "revisions/")] == [2, 1]


def test_fits_are_those_of_the_current_revision_unless_asked(scene: Scene) -> None:
    factories.make_revision(scene.contribution)
    assert Caller().listed(scene.one + "fits/") == []
    [fit] = Caller().listed(scene.one + "fits/?revision=1")
    assert (fit["revision"], fit["release"], fit["state"]) == (1, "4.7.0", "applies")
    assert Caller().get(scene.one + "fits/?revision=0").status_code == 400


def test_a_vote_counts_once_and_can_be_taken_back(scene: Scene, member: Caller) -> None:
    for value, up, down in ((1, 1, 0), (1, 1, 0), (-1, 0, 1), (0, 0, 0)):
        said = member.put(scene.one + "vote/", {"value": value}).json()
        assert (said["value"], said["up"], said["down"]) == (value, up, down)


def test_comments_make_threads(scene: Scene, member: Caller) -> None:
    first = member.post(scene.one + "comments/", {"text": "<script>alert(1)</script> *Fine*.", "parent": None}).json()
    answer = member.post(scene.one + "comments/", {"text": "Yes.", "parent": first["id"]}).json()
    assert "<script" not in first["html"]
    assert "<em>Fine</em>" in first["html"]
    assert [(row["id"], row["parent"]) for row in Caller().listed(scene.one + "comments/")] == [
        (first["id"], None),
        (answer["id"], first["id"]),
    ]
    elsewhere = factories.make_contribution()
    wrong = member.post(f"contributions/{elsewhere.pk}/comments/", {"text": "Yes.", "parent": first["id"]})
    assert wrong.status_code == 400


def test_a_later_report_replaces_the_earlier_one(scene: Scene, member: Caller) -> None:
    for outcome in ("works", "broken"):
        report = {"release": "4.7.0", "outcome": outcome, "stage": "production", "since": "2026-01-31"}
        assert member.post(scene.one + "reports/", report).status_code in {201, 400}
    report = {"release": "4.7.0", "outcome": "broken", "stage": "production", "since": None}
    assert member.post(scene.one + "reports/", report).status_code == 201
    [row] = Caller().listed(scene.one + "reports/")
    assert row["outcome"] == "broken"
    assert row["organisation"] == member.person.organisation.slug


def test_an_approval_is_bound_to_the_revision_that_was_looked_at(scene: Scene) -> None:
    reviewer = scene.tokened(scene.maintainer, "review")
    response = reviewer.post(scene.one + "reviews/", {"verdict": "approve", "revision": 1, "message": "Good."})
    assert response.status_code == 201
    assert response.json()["verdict"] == Review.Verdict.APPROVE
    assert Caller().get(scene.one).json()["state"] == "approved"


NO_VERDICTS = ["", "APPROVE", "approved", None, 1, ["approve"]]


def test_an_unknown_verdict_is_refused(scene: Scene, subtests: pytest.Subtests) -> None:
    for verdict in NO_VERDICTS:
        with subtests.test(verdict=str(verdict)[:40]):
            response = scene.tokened(scene.maintainer).post(scene.one + "reviews/", {"verdict": verdict})
            assert response.status_code == 400
            assert "verdict" in response.json()["errors"]


def test_a_withdrawn_contribution_is_over(scene: Scene, member: Caller) -> None:
    author = scene.tokened(scene.author)
    assert author.post(scene.one + "withdraw/", {"reason": ""}).status_code == 400
    assert author.post(scene.one + "withdraw/", {"reason": "Superseded."}).json()["state"] == "withdrawn"
    assert author.post(scene.one + "withdraw/", {"reason": "Again."}).status_code == 403
    assert member.put(scene.one + "vote/", {"value": 1}).status_code == 403
