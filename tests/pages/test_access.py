"""Who sees which page and may do what: each page and verb for stranger, member, author, maintainer and staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contributions.models import Comment, Contribution, Publication, Review, SavedSearch, Stack, Vote
from contributions.models.index import targets_of
from contributions.pipeline.asking import answer_address
from contributions.pipeline.delivering import unsubscribe_address
from contributions.pipeline.mailing import stop_address
from tests import factories

if TYPE_CHECKING:
    from tests.pages.conftest import Platform

ROLES = ("stranger", "member", "author", "maintainer", "staff")
ALL = (200,) * 5
SIGNED_IN = (302, 200, 200, 200, 200)  # a stranger is led to the sign-in
STAFF_ONLY = (302, 403, 403, 403, 200)

PAGES = {
    "/": ALL,
    "/how-ranking-works/": ALL,
    "/status/": ALL,
    "/how-builds-are-signed/": ALL,
    "/keys/": ALL,
    "/keys/{keyid}.pem": ALL,
    "/robots.txt": ALL,
    "/client/": ALL,
    "/patchbay.py": ALL,
    "/schemas/patchbay.lock.json": ALL,
    "/search/?q=retries": ALL,
    "/search/help/": ALL,
    "/contributions/": ALL,
    "/components/": ALL,
    "/components/swiftclient/": ALL,
    "/components/swiftclient/rules/": ALL,
    "/components/swiftclient/settings/": (302, 403, 403, 200, 200),
    "/components/swiftclient/watching/": (302, 403, 403, 200, 200),
    "/components/swiftclient/releases/4.7.0/": ALL,
    "/contributions/{c}/": ALL,
    "/contributions/{c}/changes/": ALL,
    "/contributions/{c}/v1/pictures/0/new": (404,) * 5,  # it has none
    "/contributions/{c}/compare/": ALL,
    "/contributions/{two}/compare/1..2/": ALL,
    "/contributions/{c}/matrix/": ALL,
    "/contributions/{c}/fits/4.7.0/": ALL,
    "/contributions/{c}/fits/9.9.9/": (404,) * 5,
    "/contributions/{u}/fits/4.7.0/": (404, 404, 200, 404, 200),
    "/contributions/{c}/overlaps/": ALL,
    "/components/swiftclient/files/": ALL,
    "/components/swiftclient/matrix/": ALL,
    "/components/swiftclient/files/shell.py": (404,) * 5,  # nobody wrote down where it is touched
    "/tags/": ALL,
    "/tags/s3/": (404,) * 5,  # nothing has it
    "/contributions/{c}/discussion/": ALL,
    "/contributions/{c}/evidence/": ALL,
    "/contributions/{c}/v1.patch": ALL,
    "/contributions/{c}/revise/": (302, 403, 200, 403, 403),
    "/contributions/{c}/ports/new/": SIGNED_IN,
    "/contributions/{c}/ports/settle/?release={slug}": SIGNED_IN,
    "/contributions/{c}/ports/settled/{slug}.patch": (302, 404, 404, 404, 404),  # nobody has settled anything
    "/contributions/{u}/ports/settle/?release={slug}": (302, 404, 403, 404, 403),
    "/contributions/{c}/v1.dep3.patch": ALL,
    "/contributions/{c}/ports/offered/{slug}.patch": (404,) * 5,  # nothing is offered
    "/components/swiftclient/releases/4.7.0/ports/": ALL,
    "/components/swiftclient/releases/9.9.9/ports/": (404,) * 5,
    "/contributions/{u}/ports/new/": (302, 404, 403, 404, 403),
    "/contributions/{c}/claims/": (302, 403, 200, 403, 403),
    "/contributions/{u}/": (404, 404, 200, 404, 200),
    "/contributions/{u}/matrix/": (404, 404, 200, 404, 200),
    "/contributions/{c}/remarks/": ALL,
    "/contributions/{c}/remarks/new/?revision=1&path=swiftclient/shell.py": SIGNED_IN,
    "/remarks/{remark}/": ALL,
    "/remarks/{remark}/edit/": (302, 200, 403, 403, 403),
    "/remarks/{remark}/flag/": SIGNED_IN,
    "/comments/{comment}/edit/": (302, 200, 403, 403, 403),
    "/comments/{comment}/history/": ALL,
    "/names/?q=me&contribution={c}": (403, 200, 200, 200, 200),
    "/submit/": SIGNED_IN,
    "/review/": SIGNED_IN,
    "/stacks/": ALL,
    "/stacks/?show=carried": ALL,
    "/stacks/new/": SIGNED_IN,
    "/stacks/new/?contribution={c}": SIGNED_IN,
    "/stacks/{stack}/": (404, 404, 200, 404, 200),
    "/contributions/{c}/stacks/": SIGNED_IN,
    "/contributions/{c}/depends/": (302, 403, 200, 403, 403),
    "/stacks/{stack}/forecast/": (404, 404, 200, 404, 200),
    "/organisations/northern-hosting/forecast/": (302, 403, 200, 403, 403),
    "/stacks/{stack}/assemblies/1/": (404, 404, 200, 404, 200),
    "/stacks/{stack}/locks/": (404, 404, 200, 404, 200),
    "/stacks/{stack}/locks/1/": (404, 404, 200, 404, 200),
    "/stacks/{stack}/locks/1/patchbay.lock.json": (404, 404, 200, 404, 200),
    "/stacks/{stack}/1.git/info/refs": (401, 404, 200, 404, 200),  # git asks for a password then
    "/forks/": SIGNED_IN,
    "/forks/new/": SIGNED_IN,
    "/forks/{fork}/": (302, 404, 200, 404, 404),  # not even staff
    "/builds/": ALL,
    "/builds/{build}/": ALL,
    "/builds/{build}/log/": ALL,
    "/builds/{build}/provenance.json": ALL,
    "/builds/{build}/bom.json": ALL,
    "/files/{sha256}/{name}.provenance.json": ALL,
    "/files/{sha256}/{name}.bom.json": ALL,
    "/artifacts/{artifact}/": ALL,
    "/published/": ALL,
    "/publications/{publication}/": ALL,
    "/organisations/": ALL,
    "/organisations/new/": SIGNED_IN,
    "/account/invitations/": SIGNED_IN,
    "/account/profile/": SIGNED_IN,
    "/invitations/never-sent/": (404,) * 5,
    "/organisations/northern-hosting/": ALL,
    "/people/author/": ALL,
    "/contributions/{c}/flag/": SIGNED_IN,
    "/comments/{comment}/flag/": SIGNED_IN,
    "/people/author/flag/": SIGNED_IN,
    "/flags/": SIGNED_IN,
    "/audit/": ALL,
    "/audit/history.csv": ALL,
    "/moderation/": STAFF_ONLY,
    "/moderation/{flag}/": STAFF_ONLY,
    "/moderation/log/": ALL,
    "/account/security/": SIGNED_IN,
    "/account/tokens/": SIGNED_IN,
    "/account/notices/": SIGNED_IN,
    "/advisories/": ALL,
    "/advisories/{advisory}/": ALL,
    "/advisories.atom": ALL,
    "/contributions.atom": ALL,
    "/contributions/{c}.atom": ALL,
    "/contributions/{u}.atom": (404,) * 5,
    "/components.atom": ALL,
    "/components/swiftclient.atom": ALL,
    "/components/swiftclient/releases/4.7.0.atom": ALL,
    "/organisations.atom": ALL,
    "/organisations/northern-hosting.atom": ALL,
    "/people/author.atom": ALL,
    "/people/suspended.atom": (404,) * 5,
    "/builds.atom": ALL,
    "/audit.atom": ALL,
    "/contributions/{c}/advise/": (302, 403, 403, 200, 200),
    "/organisations/northern-hosting/dashboard/": (302, 403, 200, 403, 403),
    "/organisations/northern-hosting/matrix/": (302, 403, 200, 403, 403),
    "/organisations/northern-hosting/edit/": (302, 403, 403, 403, 403),  # only its owner
    "/account/dashboard/": (302,) * 5,
    "/organisations/northern-hosting/environment/": (302, 403, 200, 403, 403),
    "/still/{still}/": ALL,
    "/organisations/northern-hosting/downloads/": (302, 403, 200, 403, 403),
    "/organisations/northern-hosting/webhooks/": (302, 403, 403, 403, 403),  # only its owner
    "/organisations/northern-hosting/webhooks/{webhook}/": (302, 403, 403, 403, 403),
    "/account/following/": SIGNED_IN,
    "/notifications/": SIGNED_IN,
    "/notifications/?show=all": SIGNED_IN,
    "/notifications/0/": (302, 404, 404, 404, 404),
    "/news/stop/{stop}/": ALL,
    "/unsubscribe/{unsubscribe}/": ALL,
    "/files/{sha256}/{name}": ALL,
    "/feed.atom": ALL,
    "/tuf/": ALL,
    "/tuf/metadata/1.root.json": (404,) * 5,  # nothing is signed there
    "/tuf/targets/{target}": ALL,
    "/simple/{slug}/": ALL,
    "/simple/{slug}/swift-client/": ALL,
    "/account/login/": (200, 302, 302, 302, 302),
    "/account/signup/": (200, 302, 302, 302, 302),
    "/admin/": (302, 302, 302, 302, 200),
}

REFUSED = 403
DONE = 302
LED_AWAY = "to the sign-in"
VERBS: dict[str, tuple[dict[str, Any], tuple[int | str, ...]]] = {
    "/contributions/{c}/vote/": ({"value": "1"}, (LED_AWAY, DONE, REFUSED, DONE, DONE)),
    "/contributions/{c}/comment/": ({"text": "Works."}, (REFUSED, DONE, DONE, DONE, DONE)),  # a stranger's words stay
    "/contributions/{c}/claims/{claim}/tick/": ({"holds": "yes"}, (LED_AWAY, DONE, REFUSED, DONE, DONE)),
    "/contributions/{c}/confirm/": (
        {"release": "4.7.0", "commit": "c" * 40, "is_same": "yes"},
        (LED_AWAY, REFUSED, 400, 400, 400),  # nobody is asked about that commit
    ),
    "/contributions/{c}/viewed/": ({"revision": "1", "file": "0"}, (LED_AWAY, DONE, DONE, DONE, DONE)),
    "/contributions/{c}/reports/{report}/take-back/": ({}, (LED_AWAY, REFUSED, DONE, REFUSED, REFUSED)),
    "/contributions/{c}/report/": (
        {"release": "{slug}", "outcome": "works", "stage": "lab"},
        (LED_AWAY, DONE, DONE, REFUSED, REFUSED),  # the last two belong to no organisation
    ),
    "/contributions/{two}/compare/1..2/make/": ({}, (LED_AWAY, DONE, DONE, DONE, DONE)),
    "/contributions/{c}/review/": (
        {"verdict": "approve", "revision": "1"},
        (LED_AWAY, REFUSED, REFUSED, DONE, REFUSED),
    ),
    "/contributions/{c}/upstream/": ({"status": "backport"}, (LED_AWAY, REFUSED, DONE, DONE, DONE)),
    "/contributions/{c}/ports/take/": ({"release": "{slug}"}, (LED_AWAY, 409, 409, 409, 409)),  # nothing is offered
    "/contributions/{c}/ports/settle/propose/": ({"release": "{slug}"}, (LED_AWAY, 409, 409, 409, 409)),  # as above
    "/contributions/{c}/ports/settle/throw-away/": ({"release": "{slug}"}, (LED_AWAY, 404, 404, 404, 404)),  # as above
    "/contributions/{c}/ports/{port}/withdraw/": ({"reason": "Wrong."}, (LED_AWAY, REFUSED, DONE, DONE, DONE)),
    "/contributions/{c}/withdraw/": ({"reason": "Wrong."}, (LED_AWAY, REFUSED, DONE, REFUSED, DONE)),
    "/contributions/{c}/tags/": ({"tags": "s3"}, (LED_AWAY, REFUSED, DONE, DONE, DONE)),
    "/contributions/{c}/transfer/": ({"to": "owner"}, (LED_AWAY, REFUSED, DONE, REFUSED, REFUSED)),
    "/contributions/{c}/transfer/accept/": ({}, (LED_AWAY, 404, 404, 404, 404)),  # nothing is offered
    "/contributions/{c}/transfer/decline/": ({}, (LED_AWAY, 404, 404, 404, 404)),
    "/contributions/{c}/take-over/": ({}, (LED_AWAY, *(REFUSED,) * 4)),  # its author has not left
    "/contributions/{c}/share/": ({}, (LED_AWAY, REFUSED, 409, REFUSED, REFUSED)),  # it is public already
    "/contributions/{c}/join/": ({"into": "{twin}"}, (LED_AWAY, REFUSED, DONE, REFUSED, REFUSED)),
    "/contributions/{c}/build-again/": (
        {"revision": "1", "release": "{slug}"},
        (LED_AWAY, REFUSED, DONE, DONE, DONE),
    ),
    **{
        f"/stacks/{{stack}}/{act}/": (form, (LED_AWAY, 404, DONE, 404, REFUSED))  # staff look on
        for act, form in {
            "change": {"name": "Ours", "release": "{slug}"},
            "picks": {"contribution": "#{twin}"},
            "picks/{c}": {"act": "remove"},
            "assemble": {},
            "archive": {},
        }.items()
    },
    "/stacks/{stack}/copy/": ({}, (LED_AWAY, 404, DONE, 404, DONE)),
    "/stacks/{stack}/assemblies/1/try-again/": ({}, (LED_AWAY, 404, 409, 404, REFUSED)),  # nothing of it errored
    "/contributions/{c}/try-again/": (
        {"release": "{slug}", "revision": "1"},
        (LED_AWAY, REFUSED, 409, 409, 409),  # nothing of it errored
    ),
    "/forks/{fork}/try-again/": ({}, (LED_AWAY, 404, 409, 404, 404)),
    "/stacks/{stack}/assemblies/1/build/": ({}, (LED_AWAY, 404, DONE, 404, REFUSED)),
    "/components/swiftclient/retire/": ({"release": "{slug}"}, (LED_AWAY, REFUSED, REFUSED, DONE, DONE)),
    "/components/swiftclient/support/": (
        {"release": "{slug}"},
        (LED_AWAY, REFUSED, REFUSED, 409, 409),  # it is supported already
    ),
    "/components/swiftclient/traits/": (
        {"traits": "Hypervisor: kvm, xen"},
        (LED_AWAY, REFUSED, REFUSED, DONE, DONE),
    ),
    "/components/swiftclient/fetch/": ({}, (LED_AWAY, REFUSED, REFUSED, DONE, DONE)),
    "/builds/{build}/repeat/": ({}, (LED_AWAY, DONE, DONE, DONE, DONE)),
    "/comments/{comment}/vote/": ({"value": "1"}, (LED_AWAY, REFUSED, DONE, DONE, DONE)),  # not on one's own
    "/comments/{answer}/accept/": ({}, (LED_AWAY, DONE, DONE, DONE, DONE)),  # the member asked
    "/comments/{answer}/take-back/": ({}, (LED_AWAY, 409, 409, 409, 409)),  # it is not accepted
    "/comments/{others}/accept/": ({}, (LED_AWAY, REFUSED, DONE, DONE, DONE)),
    "/comments/{comment}/remove/": ({"reason": "Spam."}, (LED_AWAY, DONE, REFUSED, REFUSED, DONE)),
    "/contributions/{c}/remarks/publish/": ({}, (LED_AWAY, DONE, 409, 409, 409)),  # the draft is the member's
    "/contributions/{c}/remarks/discard/": ({}, (LED_AWAY, DONE, DONE, DONE, DONE)),
    "/contributions/{c}/remarks/take/": ({"suggestions": "{remark}"}, (LED_AWAY, REFUSED, 409, REFUSED, REFUSED)),
    "/remarks/{remark}/answer/": ({"text": "Because."}, (LED_AWAY, DONE, DONE, DONE, DONE)),
    "/remarks/{remark}/resolve/": ({}, (LED_AWAY, DONE, DONE, DONE, DONE)),
    "/remarks/{remark}/reopen/": ({}, (LED_AWAY, 409, 409, 409, 409)),  # it is open
    "/remarks/{remark}/remove/": ({"reason": "Spam."}, (LED_AWAY, DONE, REFUSED, REFUSED, DONE)),
    "/forks/{fork}/cancel/": ({}, (LED_AWAY, 404, REFUSED, 404, 404)),  # it is over
    "/forks/{fork}/publish/": ({"all": "1"}, (LED_AWAY, 404, DONE, 404, 404)),
    "/forks/{fork}/discard/": ({}, (LED_AWAY, 404, DONE, 404, 404)),
    "/forks/{fork}/patches/1/title/": ({"title": "Other"}, (LED_AWAY, 404, DONE, 404, 404)),
    "/forks/{fork}/patches/1/leave-out/": ({}, (LED_AWAY, 404, DONE, 404, 404)),
    "/forks/{fork}/patches/2/draft/": ({}, (LED_AWAY, 404, DONE, 404, 404)),
    "/publications/{publication}/withdraw/": ({"reason": "Wrong."}, (LED_AWAY, REFUSED, DONE, DONE, DONE)),
    "/organisations/northern-hosting/invite/": (
        {"username": "maintainer"},
        (LED_AWAY, REFUSED, REFUSED, REFUSED, REFUSED),  # only its owner
    ),
    "/organisations/northern-hosting/invitations/1/revoke/": ({}, (LED_AWAY, 404, 404, 404, 404)),
    "/organisations/northern-hosting/role/": (
        {"username": "author", "role": "owner"},
        (LED_AWAY, REFUSED, REFUSED, REFUSED, REFUSED),  # only its owner
    ),
    "/organisations/northern-hosting/speak-for/": ({}, (LED_AWAY, REFUSED, DONE, REFUSED, REFUSED)),
    "/account/invitations/1/accept/": ({}, (LED_AWAY, 404, 404, 404, 404)),
    "/account/invitations/1/decline/": ({}, (LED_AWAY, 404, 404, 404, 404)),
    "/organisations/northern-hosting/remove-member/": (
        {"username": "author"},
        (LED_AWAY, REFUSED, DONE, REFUSED, REFUSED),  # everyone may leave
    ),
    "/people/author/suspend/": ({"reason": "Spam."}, (LED_AWAY, REFUSED, REFUSED, REFUSED, DONE)),
    "/people/suspended/reinstate/": ({"reason": "No spam."}, (LED_AWAY, REFUSED, REFUSED, REFUSED, DONE)),
    "/contributions/{c}/quarantine/": ({"reason": "Wrong."}, (LED_AWAY, REFUSED, REFUSED, REFUSED, DONE)),
    "/contributions/{c}/restore/": ({"reason": "Fine."}, (LED_AWAY, REFUSED, REFUSED, REFUSED, 409)),
    "/publications/{publication}/quarantine/": ({"reason": "Wrong."}, (LED_AWAY, REFUSED, REFUSED, REFUSED, DONE)),
    "/publications/{publication}/restore/": ({"reason": "Fine."}, (LED_AWAY, REFUSED, REFUSED, REFUSED, 409)),
    "/advisories/{advisory}/withdraw/": ({"reason": "Wrong."}, (LED_AWAY, REFUSED, REFUSED, DONE, DONE)),
    **{
        f"/organisations/northern-hosting/webhooks/{{webhook}}/{act}/": ({}, (LED_AWAY, *(REFUSED,) * 4))
        for act in ("trial", "rotate", "enable", "disable", "remove", "deliveries/1/replay")
    },
    "/account/sessions/end-others/": ({}, (LED_AWAY, DONE, DONE, DONE, DONE)),
    "/account/sessions/0/end/": ({}, (LED_AWAY, 404, 404, 404, 404)),
    "/follow/": ({"thing": "component", "key": "swiftclient", "act": "follow"}, (LED_AWAY, DONE, DONE, DONE, DONE)),
    "/account/searches/": ({"name": "Retries", "query": "retries"}, (LED_AWAY, DONE, DONE, DONE, DONE)),
    "/account/searches/{search}/rename/": ({"name": "Other"}, (LED_AWAY, 404, DONE, 404, 404)),
    "/account/searches/{search}/remove/": ({}, (LED_AWAY, 404, DONE, 404, 404)),
    "/notifications/read/": ({"line": "1"}, (LED_AWAY, DONE, DONE, DONE, DONE)),
    "/notifications/read-all/": ({}, (LED_AWAY, DONE, DONE, DONE, DONE)),
    "/account/tokens/{token}/revoke/": ({}, (LED_AWAY, 404, DONE, 404, 404)),
}


def remarked(text: str, platform: Platform) -> dict[str, int]:
    """What a text about remarks needs: one of the member's, or a draft."""
    revision, member = platform.contribution.current, platform.people["member"]
    if "remarks/publish" in text:
        factories.make_remark(revision, author=member, published_at=None)
    return {"remark": factories.make_remark(revision, author=member).pk} if "{remark}" in text else {}


def judged(text: str, platform: Platform) -> dict[str, Any]:
    """A claim, a fork or a report of the author's organisation, or the link that asks about another one."""
    made: dict[str, Any] = {}
    if "{report}" in text:
        made["report"] = factories.make_report(platform.contribution, organisation=platform.organisation).pk
    if "{still}" in text:
        made["still"] = answer_address(factories.make_report(platform.contribution)).split("/")[-2]
    if "{port}" in text:
        made["port"] = factories.make_port(platform.contribution.current).number
    if "{claim}" in text:
        made["claim"] = factories.make_claim(platform.contribution).pk
    if "{fork}" in text:
        made["fork"] = factories.make_fork(platform.people["author"], component=platform.component).pk
    return made


def stack_of(platform: Platform) -> Stack:
    """The one of the author's organisation, assembled once."""
    if known := Stack.objects.first():
        return known
    author: Any = platform.people["author"]
    stack = factories.make_stack(platform.contribution, author=author, name="Ours")
    factories.make_lock(factories.make_assembly(stack))
    return stack


def filled(text: str, platform: Platform) -> str:
    made: dict[str, Any] = {}
    if "{advisory}" in text:
        made["advisory"] = factories.make_advisory(platform.contribution.current).pk
    if "{webhook}" in text:
        made["webhook"] = factories.make_webhook(platform.organisation).pk
    if "{stop}" in text:
        made["stop"] = stop_address(platform.contribution.author, ["yours"]).split("/")[-2]
    if "{two}" in text:
        two = factories.make_contribution(component=platform.component, release=platform.release)
        made["two"] = factories.make_revision(two).contribution_id
    if "{search}" in text:
        author: Any = platform.people["author"]
        made["search"] = SavedSearch.objects.get_or_create(person=author, name="Mine", query="retries")[0].pk
    if "{unsubscribe}" in text:
        made["unsubscribe"] = unsubscribe_address(platform.contribution.author).split("/")[-2]
    if "{answer}" in text or "{others}" in text:
        asker = platform.people["member"] if "{answer}" in text else platform.people["author"]
        question = factories.make_comment(platform.contribution, author=asker, is_question=True)
        answer = factories.make_comment(platform.contribution, parent=question)
        made |= {"answer": answer.pk, "others": answer.pk}
    if "{stack}" in text:
        made["stack"] = stack_of(platform).pk
    if "{twin}" in text:
        made["twin"] = factories.make_contribution(component=platform.component).pk
    return text.format(
        **made,
        **remarked(text, platform),
        **judged(text, platform),
        c=platform.contribution.pk,
        u=platform.unreceived.pk,
        comment=platform.comment.pk,
        build=platform.build.pk,
        publication=platform.publication.pk,
        artifact=platform.artifact.pk,
        sha256=platform.artifact.sha256,
        name=platform.artifact.name,
        slug=platform.release.slug,
        keyid=platform.build.attestation.key.keyid,
        token=platform.token.pk,
        flag=platform.flag.pk,
        target=target_of(platform),
    )


def target_of(platform: Platform) -> str:
    ((path, artifact),) = targets_of(platform.publication).items()
    place, _, name = path.rpartition("/")
    return f"{place}/{artifact.sha256}.{name}"


@pytest.fixture
def platform(kept_platform: Platform) -> Platform:
    return kept_platform


@pytest.mark.parametrize("address", PAGES)
def test_a_page_opens_for_those_who_may_see_it(platform: Platform, address: str) -> None:
    url = filled(address, platform)
    seen = tuple(platform.status(role, url) for role in ROLES)
    assert dict(zip(ROLES, seen, strict=True)) == dict(zip(ROLES, PAGES[address], strict=True))


@pytest.mark.attack("W07")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("address", VERBS)
def test_a_verb_is_done_only_for_those_who_may_do_it(platform: Platform, address: str, role: str) -> None:
    form, expected = VERBS[address]
    form = {name: filled(value, platform) for name, value in form.items()}
    answer = platform.client(role).post(filled(address, platform), form)
    wanted = expected[ROLES.index(role)]
    led_away = answer.status_code == 302 and answer["Location"].startswith("/account/login/?next=/")
    assert (LED_AWAY if led_away else answer.status_code) == wanted


@pytest.mark.attack("W08")
@pytest.mark.parametrize("address", VERBS)
def test_looking_at_a_verb_does_nothing(platform: Platform, address: str) -> None:
    for role in ROLES:
        assert platform.client(role).get(filled(address, platform)).status_code == 405
    assert Vote.objects.count() == Review.objects.count() == 0
    assert Publication.objects.live().count() == 1
    assert Contribution.objects.filter(state="withdrawn").count() == 0
    assert not Comment.objects.exclude(removed_at=None, accepted_at=None).exists()


@pytest.mark.attack("W08")
def test_a_form_without_the_browsers_secret_is_refused(platform: Platform) -> None:
    client = platform.client("member")
    client.handler.enforce_csrf_checks = True
    answer = client.post(f"/contributions/{platform.contribution.pk}/vote/", {"value": "1"})
    assert answer.status_code == 403
    assert b"The form was too old" in answer.content
    assert Vote.objects.count() == 0


@pytest.mark.attack("T03")
def test_a_maintainer_who_no_longer_is_one_cannot_use_the_page_left_open(platform: Platform) -> None:
    client = platform.client("maintainer")
    assert b"Record the verdict" in client.get(f"/contributions/{platform.contribution.pk}/").content
    platform.component.maintainers.clear()
    form = {"verdict": "approve", "revision": "1"}
    assert client.post(f"/contributions/{platform.contribution.pk}/review/", form).status_code == 403
    assert Review.objects.count() == 0


def test_nobody_sees_the_files_of_what_was_not_received(platform: Platform) -> None:
    hidden = factories.make_blob(b"not yet received")
    factories.make_revision(platform.unreceived, state="queued", raw=hidden, filename="secret.patch", diff=None)
    statuses = [platform.status(role, f"/files/{hidden}/secret.patch") for role in ROLES]
    assert statuses == [404, 404, 200, 404, 200]


EVIL = ("https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)", "http:///evil.example")


@pytest.mark.attack("W13")
@pytest.mark.parametrize("target", EVIL)
def test_nobody_is_led_to_another_site(platform: Platform, target: str) -> None:
    vote = f"/contributions/{platform.contribution.pk}/vote/"
    answer = platform.client("member").post(vote, {"value": "1", "next": target})
    assert answer["Location"] == f"/contributions/{platform.contribution.pk}/"
    entered = platform.client("stranger").post(
        "/account/login/", {"login": "member", "password": factories.PASSWORD, "next": target}
    )
    assert entered.status_code == 302
    assert entered["Location"] == "/"
