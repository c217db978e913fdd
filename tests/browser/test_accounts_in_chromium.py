"""Second factors and passkeys in a real browser, and every page of accounts and moderation, narrow and wide."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session

from contributions.models import Event
from tests.accounts.doors import code
from tests.factories import PASSWORD, make_comment, make_contribution, make_flag, make_person, make_report

if TYPE_CHECKING:
    from tests.browser.conftest import Visitor

pytestmark = pytest.mark.django_db(transaction=True)

KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def with_key(visitor: Visitor) -> Visitor:
    """Plug a security key into this browser: Chromium's own virtual one."""
    session = visitor.page.context.new_cdp_session(visitor.page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    return visitor


def grow_stale() -> None:
    """Let all log-ins be of yesterday."""
    for row in Session.objects.all():
        store = row.get_session_store_class()(row.session_key)
        for record in store.get("account_authentication_methods", []):
            record["at"] -= 86400
        store.save()


def test_a_passkey_is_added_signs_in_and_is_asked_for_again(visit: Any) -> None:
    person = make_person("keeper")
    visitor = with_key(visit())
    visitor.log_in(person)
    page = visitor.go("/account/2fa/webauthn/add/")
    page.get_by_label("Name").fill("My telephone")
    page.get_by_label("Passwordless").check()
    visitor.check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(re.compile("recovery-codes"))
    visitor.check()
    assert Authenticator.objects.filter(user=person, type="webauthn").count() == 1
    visitor.go("/account/2fa/webauthn/")
    assert "My telephone" in page.inner_text("main")
    visitor.check()
    page.context.clear_cookies()
    visitor.go("/account/login/")
    visitor.check()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(lambda url: "/login" not in url)
    visitor.go("/account/security/")
    assert "security key" in page.inner_text("main").lower()
    grow_stale()
    visitor.go("/account/tokens/")
    page.get_by_label("Name").fill("nightly")
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url(re.compile("/account/reauthenticate/"))
    visitor.check()
    page.get_by_role("link", name="Use a security key").click()
    visitor.check()
    page.get_by_role("button", name="Use a security key").click()
    page.get_by_text("is made. Copy its secret now").wait_for()
    assert person.tokens.get().name == "nightly"


def test_an_authenticator_app_without_scripts(visit: Any) -> None:
    make_person("plain")
    person = make_person("reader")
    visitor = visit(360, "dark", scripts=False)
    visitor.log_in(person)
    page = visitor.go("/account/2fa/totp/activate/")
    assert page.locator(".qr svg path").count() == 1
    secret = page.locator(".digest").inner_text()
    page.get_by_label("Code").or_(page.get_by_label("Authenticator code")).first.fill(code(secret))
    page.get_by_role("button", name="Activate").click()
    page.wait_for_url(re.compile("recovery-codes"))
    page.context.clear_cookies()
    visitor.go("/account/login/")
    page.get_by_label("Login").fill("reader")
    page.get_by_label("Password").first.fill(PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url(re.compile("/account/2fa/authenticate/"))
    page.get_by_label("Code").first.fill(code(secret, steps=1))
    page.locator("main form button").first.click()
    page.wait_for_url(lambda url: "/authenticate/" not in url)


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_every_page_of_accounts_and_moderation_keeps_the_house_rules(visit: Any, width: int, scheme: str) -> None:
    staff = make_person("moderator", is_staff=True, is_superuser=True)
    contribution = make_contribution(title="A title that goes on for rather longer than a telephone is wide")
    comment = make_comment(contribution, "Buy " + "now" * 60)
    flags = [make_flag(contribution, reason="malware", text="It mails /etc/passwd."), make_flag(comment)]
    make_flag(make_person("rude"), reporter=staff, state="upheld", answer="Suspended for a week.")
    make_report(contribution)
    Event.objects.write("suspended", actor=staff, subject=make_person("gone"), text="Threats.")
    Event.objects.write("quarantined", actor=staff, contribution=contribution, text="Looks like malware.")
    Event.objects.write("secured", actor=staff, text="changed the password")
    visitor = visit(width, scheme)
    visitor.log_in(staff)
    for path in (
        "/account/security/",
        "/account/2fa/",
        "/account/2fa/totp/activate/",
        "/account/2fa/webauthn/",
        "/account/2fa/webauthn/add/",
        "/account/reauthenticate/",
        "/account/password/change/",
        "/account/email/",
        f"/contributions/{contribution.pk}/flag/",
        f"/contributions/{contribution.pk}/discussion/",
        "/flags/",
        "/moderation/",
        *(flag.get_absolute_url() for flag in flags),
        "/moderation/log/",
        "/people/rude/",
    ):
        visitor.go(path)
        visitor.check()
        visitor.check_width()
