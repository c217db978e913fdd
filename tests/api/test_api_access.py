from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.test import Client

from contributions.models import Build, Contribution, Flag
from tests import factories
from tests.api.conftest import Caller, make_token
from tests.api.contract import schema
from tests.locks import BARE

if TYPE_CHECKING:
    from tests.api.conftest import Scene

pytestmark = pytest.mark.django_db

CALLERS = ("stranger", "member", "author", "maintainer", "staff", "read-token", "write-token", "review-token")
READING = (
    "", "components/", "components/swiftclient/", "components/swiftclient/releases/", "organisations/",
    "components/swiftclient/rules/", "components/swiftclient/traits/", "{one}checklist/",
    "components/swiftclient/watching/",
    "{one}claims/", "{one}claims/{claim}/ticks/", "{one}dependencies/", "stacks/",
    "{one}overlaps/",
    "components/swiftclient/files/", "tags/",
    "components/swiftclient/matrix/", "components/swiftclient/matrix.csv",
    "search/complete/?q=is:o", "contributions/", "{one}", "{one}revisions/", "{one}revisions/1/",
    "{one}revisions/1/patch",
    "{one}remarks/", "{one}remarks/?open=true&revision=1&path=a", "remarks/{remark}/",
    "{one}comparisons/", "{two}comparisons/1..2/", "{two}comparisons/1..2/diff",
    "{one}revisions/1/files/", "{one}revisions/1/files/0/",
    "{one}revisions/1/diff", "{one}fits/", "{one}comments/", "{one}reports/", "{one}reviews/",
    "{one}fits/4.7.0/", "{one}fits/4.7.0/?revision=1",
    "comments/{comment}/", "comments/{comment}/edits/",
    "builds/", "builds/{build}/", "builds/{build}/log", "publications/", "publications/{publication}/", "feed/",
    "moderation/log/", "status/", "keys/", "index/",
    "artifacts/{artifact}/",
    "advisories/", "advisories/{advisory}/", "advisories/{advisory}/osv/",
    "audit/", "audit/seals/",
)  # fmt: skip
SUBMISSION = {"component": "swiftclient", "kind": "experience", "title": "It is fast", "description": "Very."}
PORT = {"release": "4.8.0", "patch": "diff --git a/a b/a\n"}
REPORT = {"release": "4.7.0", "outcome": "works", "stage": "lab"}
REMARK = {"path": "swiftclient/shell.py", "start": 13, "text": "Why one?"}
FLAG = {"person": "flagged", "reason": "spam"}
DECISION = {"act": "dismiss", "reason": "It is fine."}
TRAITS = {"traits": [{"name": "Hypervisor", "choices": ["kvm", "xen"]}]}
REASON = {"reason": "It loses data."}
ADVISORY = {"component": "swiftclient", "title": "Leaks", "description": "All.", "severity": "high", "affected": []}
WEBHOOK = {"url": "https://hooks.example.org/", "topics": ["recalls"]}
STACK = {"component": "swiftclient", "release": "4.7.0", "name": "Ours"}
CARRIED = "401 404 {} 404 403 403 404 403"  # of a private stack: staff look on
FORK = {"component": "swiftclient"}  # without an address: nobody is asked for one in a test
THEIRS = "401 404 200 404 404 403 404 403"  # not even staff
NO_OWNER = "401 403 403 403 403 403 403 403"
VERBS: dict[tuple[str, str], tuple[Any, str]] = {
    # (method, path): (body, the status for each of CALLERS)
    ("post", "contributions/"): (SUBMISSION, "401 201 201 201 201 403 201 403"),
    ("post", "{one}revisions/"): ({"patch": "diff --git a/a b/a\n"}, "401 403 201 403 403 403 403 403"),
    ("post", "{one}ports/"): (PORT, "401 201 201 201 201 403 201 403"),
    ("post", "{one}ports/settlements/4.8.0/"): ({}, "401 400 400 400 400 403 400 403"),  # it is not judged there
    ("delete", "{one}ports/settlements/4.8.0/"): (None, "401 404 404 404 404 403 404 403"),  # nobody has begun
    ("put", "{one}upstream/"): ({"status": "backport"}, "401 403 200 200 200 403 403 403"),
    ("post", "{ported}withdraw/"): (REASON, "401 403 200 200 200 403 403 403"),
    ("put", "{one}vote/"): ({"value": 1}, "401 200 403 200 200 403 200 403"),
    ("post", "{two}comparisons/"): ({"older": 1, "newer": 2}, "401 202 202 202 202 403 202 403"),
    ("put", "{one}revisions/1/files/0/viewed/"): (None, "401 200 200 200 200 403 200 403"),
    ("delete", "{one}revisions/1/files/0/viewed/"): (None, "401 204 204 204 204 403 204 403"),
    ("post", "{one}comments/"): ({"text": "Thank you."}, "401 201 201 201 201 403 201 403"),
    ("put", "comments/{comment}/"): ({"text": "Thanks."}, "401 403 200 403 403 403 403 403"),
    ("post", "comments/{comment}/remove/"): ({"reason": "Spam."}, "401 403 200 403 200 403 403 403"),
    ("put", "comments/{comment}/vote/"): ({"value": 1}, "401 200 403 200 200 403 200 403"),
    ("post", "comments/{answer}/accept/"): (None, "401 403 200 200 200 403 403 403"),
    ("post", "comments/{answer}/take-back/"): (None, "401 403 409 409 409 403 403 403"),
    ("post", "stacks/"): (STACK, "401 201 201 201 201 403 201 403"),
    ("patch", "stacks/{stack}/"): ({"name": "Ours"}, CARRIED.format(200)),
    ("post", "stacks/{stack}/picks/"): ({"contributions": []}, CARRIED.format(200)),
    ("put", "stacks/{stack}/picks/{number}/"): ({"revision": None}, CARRIED.format(200)),
    ("delete", "stacks/{stack}/picks/{number}/"): (None, CARRIED.format(204)),
    ("post", "stacks/{stack}/copy/"): ({}, "401 404 201 404 201 403 404 403"),
    ("post", "stacks/{stack}/assemblies/"): ({}, CARRIED.format(202)),
    ("post", "stacks/{stack}/assemblies/1/build/"): (None, CARRIED.format(202)),
    ("post", "stacks/{stack}/assemblies/1/try-again/"): (None, CARRIED.format(409)),  # nothing of it errored
    ("post", "{one}fits/4.7.0/try-again/"): ({}, "401 403 409 409 409 403 403 403"),
    ("post", "forks/{fork}/try-again/"): (None, "401 404 409 404 404 403 404 403"),
    ("put", "{one}dependencies/"): ({"depends_on": []}, "401 403 200 403 403 403 403 403"),
    ("post", "stacks/check/"): (BARE, "200 200 200 200 200 200 403 403"),  # it changes nothing
    ("post", "preview/"): ({"text": "*So*"}, "401 200 200 200 200 403 200 403"),
    ("post", "{one}remarks/"): (REMARK, "401 201 201 201 201 403 201 403"),
    ("post", "{one}remarks/publish/"): ({}, "401 409 409 409 409 403 409 403"),  # they have no drafts
    ("post", "{one}remarks/discard/"): (None, "401 200 200 200 200 403 200 403"),
    ("post", "{one}remarks/take/"): ({"suggestions": [1]}, "401 403 409 403 403 403 403 403"),  # it is none
    ("put", "remarks/{remark}/"): ({"text": "Hm."}, "401 403 200 403 403 403 403 403"),
    ("post", "remarks/{remark}/remove/"): ({"reason": "Spam."}, "401 403 204 403 204 403 403 403"),
    ("post", "remarks/{remark}/resolve/"): (None, "401 403 200 200 200 403 403 403"),
    ("post", "remarks/{remark}/reopen/"): (None, "401 403 409 409 409 403 403 403"),
    ("post", "{one}fits/4.7.0/confirm/"): ({"is_same": True}, "401 403 400 400 400 403 403 403"),  # it asks nothing
    ("post", "{one}reports/"): (REPORT, "401 201 201 403 403 403 201 403"),
    ("put", "{one}claims/"): ({"fixes": ["#1"], "tests": []}, "401 403 200 403 403 403 403 403"),
    ("put", "{one}claims/{claim}/ticks/"): ({"holds": True}, "401 200 403 200 200 403 200 403"),
    ("patch", "me/"): ({"about": "Keeps disks."}, "401 200 200 200 200 403 200 403"),
    ("post", "{one}reports/{report}/take-back/"): (None, "401 403 204 403 403 403 403 403"),
    ("put", "organisations/{organisation}/environment/swiftclient/"): (
        {"traits": {}},
        "401 403 200 403 403 403 403 403",
    ),
    ("post", "{one}reviews/"): ({"verdict": "approve"}, "401 403 403 201 403 403 403 201"),
    ("put", "{one}tags/"): ({"tags": ["s3"]}, "401 403 200 200 200 403 403 403"),
    ("post", "{one}transfer/"): ({"to": "nobody"}, "401 403 400 403 403 403 403 403"),  # there is no such member
    ("post", "{one}transfer/accept/"): (None, "401 404 404 404 404 403 404 403"),  # nothing is offered
    ("post", "{one}transfer/decline/"): (None, "401 404 404 404 404 403 404 403"),
    ("post", "{one}take-over/"): (None, "401 403 403 403 403 403 403 403"),  # its author has not left
    ("post", "{one}share/"): (None, "401 403 409 403 403 403 403 403"),  # it is public already
    ("post", "{one}join/"): ({"into": 1}, "401 400 400 400 400 403 400 403"),  # there is no such one
    ("post", "{one}withdraw/"): (REASON, "401 403 200 403 200 403 403 403"),
    ("patch", "components/swiftclient/rules/"): ({"cool_down_days": 9}, "401 403 403 200 200 403 403 200"),
    ("patch", "components/swiftclient/watching/"): ({"watch_minutes": 90}, "401 403 403 200 200 403 403 200"),
    ("post", "components/swiftclient/watching/preview/"): ({}, "401 403 403 409 409 403 403 409"),  # never pulled
    ("put", "components/swiftclient/traits/"): (TRAITS, "401 403 403 200 200 403 403 200"),
    ("post", "components/swiftclient/fetch/"): (None, "401 403 403 202 202 403 403 202"),
    ("post", "components/swiftclient/releases/4.7.0/retire/"): (None, "401 403 403 200 200 403 403 200"),
    ("post", "components/swiftclient/releases/4.7.0/support/"): (None, "401 403 403 409 409 403 403 409"),
    ("post", "builds/{build}/repeat/"): (None, "401 201 201 201 201 403 201 403"),
    ("post", "builds/{build}/again/"): (None, "401 403 201 201 201 403 403 403"),
    ("put", "me/mail/"): ({"rules": {"yours": "daily"}}, "401 200 200 200 200 403 200 403"),
    ("put", "follows/component/swiftclient/"): ({}, "401 200 200 200 200 403 200 403"),
    ("delete", "follows/component/swiftclient/"): (None, "401 204 204 204 204 403 204 403"),
    ("post", "searches/"): ({"name": "Mine", "query": "retries"}, "401 201 201 201 201 403 201 403"),
    ("put", "searches/0/"): ({"name": "Mine"}, "401 404 404 404 404 403 404 403"),
    ("delete", "searches/0/"): (None, "401 404 404 404 404 403 404 403"),
    ("post", "notifications/read/"): ({}, "401 200 200 200 200 403 200 403"),
    ("post", "flags/"): (FLAG, "401 201 201 201 201 403 201 403"),
    ("post", "flags/{flag}/decide/"): (DECISION, "401 404 404 404 200 403 404 403"),
    ("post", "people/flagged/suspend/"): (REASON, "401 403 403 403 200 403 403 403"),
    ("post", "people/suspended/reinstate/"): (REASON, "401 403 403 403 200 403 403 403"),
    ("post", "publications/{publication}/withdraw/"): (REASON, "401 403 200 200 200 403 403 403"),
    ("post", "{one}quarantine/"): (REASON, "401 403 403 403 200 403 403 403"),
    ("post", "{one}restore/"): (REASON, "401 403 403 403 409 403 403 403"),
    ("post", "publications/{publication}/quarantine/"): (REASON, "401 403 403 403 200 403 403 403"),
    ("post", "publications/{publication}/restore/"): (REASON, "401 403 403 403 409 403 403 403"),
    ("post", "advisories/"): (ADVISORY, "401 403 403 201 201 403 403 403"),
    ("post", "advisories/{advisory}/withdraw/"): (REASON, "401 403 403 200 200 403 403 403"),
    ("post", "forks/"): (FORK, "401 400 400 400 400 403 400 403"),
    ("post", "forks/{fork}/cancel/"): (None, "401 404 403 404 404 403 404 403"),  # it is over
    ("post", "forks/{fork}/discard/"): (None, THEIRS),
    ("post", "forks/{fork}/publish/"): ({}, "401 404 202 404 404 403 404 403"),
    ("post", "forks/{fork}/patches/1/title/"): ({"title": "Other"}, THEIRS),
    ("post", "forks/{fork}/patches/1/leave-out/"): (None, THEIRS),
    ("post", "forks/{fork}/patches/2/draft/"): (None, THEIRS),
    ("post", "organisations/{organisation}/webhooks/"): (WEBHOOK, NO_OWNER),
    ("post", "organisations/{organisation}/invitations/"): ({"username": "member"}, NO_OWNER),
    ("post", "organisations/{organisation}/invitations/1/revoke/"): (None, "401 404 404 404 404 403 404 403"),
    ("put", "organisations/{organisation}/members/author/"): ({"role": "owner"}, NO_OWNER),
    ("post", "organisations/{organisation}/members/author/remove/"): (None, NO_OWNER),
    ("patch", "organisations/{organisation}/"): ({"sector": "telecoms"}, NO_OWNER),
    ("post", "organisations/{organisation}/speak-for/"): (None, "401 403 200 403 403 403 403 403"),
    ("post", "me/invitations/1/accept/"): (None, "401 404 404 404 404 403 404 403"),
    ("post", "me/invitations/1/decline/"): (None, "401 404 404 404 404 403 404 403"),
    **{
        ("post", f"organisations/{{organisation}}/webhooks/{{webhook}}/{act}/"): (None, NO_OWNER)
        for act in ("secret", "enable", "disable", "remove", "trial", "deliveries/1/replay")
    },
}


def caller_named(name: str, scene: Scene) -> Caller:
    """Member, author, maintainer and staff by session; two tokens are a member's, the third a maintainer's."""
    if name == "stranger":
        return Caller()
    if name in {"author", "maintainer"}:
        return Caller(getattr(scene, name))
    if name == "review-token":
        return Caller(scene.maintainer, make_token(scene.maintainer, "review"))
    person = factories.make_person(organisation=factories.make_organisation(), is_staff=name == "staff")
    if name == "staff":
        person.memberships.all().delete()
    scope = name.removesuffix("-token")
    return Caller(person, make_token(person, scope) if scope != name else "")


def ported(path: str, scene: Scene) -> dict[str, str]:
    """A release that a port can be sent for, or a port that can be taken back."""
    component = scene.contribution.component
    if "4.8.0" in path or path == "{one}ports/":
        component.releases.filter(name="4.8.0").first() or factories.make_release(component, "4.8.0")
    if "{ported}" not in path:
        return {}
    return {"ported": f"{scene.one}revisions/{factories.make_port(scene.contribution.current).number}/"}


def private(path: str, scene: Scene) -> dict[str, Any]:
    """A stack or a fork of the author's organisation."""
    made: dict[str, Any] = {}
    if "{stack}" in path:
        stack = factories.make_stack(scene.contribution, author=scene.author)
        factories.make_assembly(stack)
        made |= {"stack": stack.pk, "number": scene.contribution.pk}
    if "{fork}" in path:
        made["fork"] = factories.make_fork(scene.author, component=scene.contribution.component).pk
    return made


def filled(path: str, scene: Scene) -> str:
    publication = scene.contribution.current.publications.get()
    flag, artifact = Flag.objects.first(), scene.build.artifacts.get()
    made: dict[str, Any] = {"flag": flag.pk if flag else 0, "organisation": scene.author.organisation.slug}
    if "{advisory}" in path:
        made["advisory"] = factories.make_advisory(scene.contribution.current).pk
    if "{report}" in path:
        made["report"] = factories.make_report(scene.contribution, organisation=scene.author.organisation).pk
    if "{claim}" in path:
        made["claim"] = factories.make_claim(scene.contribution).pk
    if "{comment}" in path:
        made["comment"] = factories.make_comment(scene.contribution, author=scene.author).pk
    if "{answer}" in path:
        question = factories.make_comment(scene.contribution, is_question=True)
        made["answer"] = factories.make_comment(scene.contribution, parent=question).pk
    if "{remark}" in path:
        made["remark"] = factories.make_remark(scene.contribution.current, author=scene.author).pk
    if "{webhook}" in path:
        made["webhook"] = factories.make_webhook(scene.author.organisation).pk
    if "{two}" in path:
        made["two"] = f"contributions/{factories.make_comparison().older.contribution_id}/"
    parts = {
        "build": scene.build.pk,
        "publication": publication.pk,
        "artifact": artifact.pk,
        **made,
        **ported(path, scene),
        **private(path, scene),
    }
    return path.replace("{one}", scene.one).format(**parts)


def test_the_table_has_every_verb_of_the_schema() -> None:
    writing = {
        (method, path)
        for path, methods in schema()["paths"].items()
        for method in methods
        if method in {"post", "put", "patch", "delete"}
    }
    assert len(writing) == len(VERBS)


@pytest.mark.attack("W07")
@pytest.mark.parametrize(("method", "path"), VERBS)
def test_each_verb_is_for_whom_the_table_says(
    published: Scene, method: str, path: str, subtests: pytest.Subtests
) -> None:
    body, statuses = VERBS[method, path]
    factories.make_flag(factories.make_person("flagged"))
    factories.make_person("suspended", is_active=False)
    Build.objects.exclude(repeats=None).delete()  # what was approved is repeated unasked
    if body is ADVISORY:
        body = ADVISORY | {"affected": [{"contribution": published.contribution.pk, "revision": 1}]}
    for name, status in zip(CALLERS, statuses.split(), strict=True):
        with subtests.test(caller=name), transaction.atomic():
            response = caller_named(name, published).call(method, filled(path, published), body)
            transaction.set_rollback(True)
            assert response.status_code == int(status), response.content
            if response.status_code >= 400:
                assert response.json()["detail"].endswith(".")


@pytest.mark.parametrize("name", CALLERS)
def test_everybody_reads_what_is_public(published: Scene, name: str) -> None:
    caller = caller_named(name, published)
    for path in READING:
        assert caller.get(filled(path, published)).status_code == 200, path


@pytest.mark.parametrize(("name", "status"), list(zip(CALLERS, (401, 200, 200, 200, 200, 200, 403, 403), strict=True)))
def test_only_people_and_reading_tokens_hear_who_they_are(published: Scene, name: str, status: int) -> None:
    caller = caller_named(name, published)
    response = caller.get("me/")
    assert response.status_code == status
    if status == 200:
        assert response.json()["username"] == caller.person.username
    if status == 401:
        assert response.headers["WWW-Authenticate"] == "Token"


def unreceived(scene: Scene) -> Contribution:
    """A contribution that only its author and staff may know of yet."""
    sent = factories.make_contribution(release=scene.release, author=scene.author, received=False, title="Half sent")
    factories.make_revision(sent, state="refused", sentence="It is no patch.")
    sent.revisions.update(mbox=None, diff=None)
    return sent


@pytest.mark.parametrize(
    ("name", "sees"),
    [(name, name in {"author", "staff"}) for name in CALLERS],
)
def test_what_is_not_received_yet_is_its_authors_alone(scene: Scene, name: str, sees: bool) -> None:  # noqa: FBT001
    sent, caller = unreceived(scene), caller_named(name, scene)
    one = f"contributions/{sent.pk}/"
    reading = [one, *(f"{one}{part}" for part in ("revisions/", "revisions/1/", "fits/", "comments/", "reviews/"))]
    for path in reading:
        assert caller.get(path).status_code == (200 if sees else 404), path
    assert (sent.pk in [row["number"] for row in caller.listed("contributions/")]) is sees
    if caller.person and caller.token in {"", "write-token"} and not sees:
        assert caller.put(f"{one}vote/", {"value": 1}).status_code == 404
        assert caller.post(f"{one}comments/", {"text": "Oh?"}).status_code == 404


def test_a_token_without_the_scope_read_sees_what_strangers_see(scene: Scene) -> None:
    sent = unreceived(scene)
    blind, seeing = scene.tokened(scene.author, "write"), scene.tokened(scene.author, "read")
    assert blind.get(f"contributions/{sent.pk}/").status_code == 404
    assert seeing.get(f"contributions/{sent.pk}/").json()["latest"]["sentence"] == "It is no patch."
    assert blind.post("contributions/", SUBMISSION).status_code == 201


@pytest.mark.attack("W08")
def test_a_browsers_session_needs_the_csrf_token(scene: Scene) -> None:
    browser = Caller(scene.maintainer, client=Client(enforce_csrf_checks=True))
    assert browser.put(scene.one + "vote/", {"value": 1}).status_code == 403
    assert browser.get(scene.one).status_code == 200
    tokened = Caller(scene.maintainer, make_token(scene.maintainer, "write"), Client(enforce_csrf_checks=True))
    assert tokened.put(scene.one + "vote/", {"value": 1}).status_code == 200


@pytest.mark.attack("W08")
def test_a_get_changes_nothing(published: Scene) -> None:
    author = Caller(published.author)
    for _, path in VERBS:
        assert author.get(filled(path, published)).status_code in {200, 400, 403, 404, 405}
    published.contribution.refresh_from_db()
    assert published.contribution.state == Contribution.State.APPROVED
    assert published.contribution.current.publications.get().is_live
