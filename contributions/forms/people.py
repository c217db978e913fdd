"""Organisations, their members, and API tokens."""

from __future__ import annotations

import zoneinfo

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from contributions.models import ApiToken, Membership

# Of other alphabets' letters some look like ours, and a name such as ".." is a path.
USERNAMES = [
    RegexValidator(
        r"\A[A-Za-z0-9][A-Za-z0-9_.+-]*\Z",
        "Use the letters A to Z, digits, and _ . + - within; begin with a letter or a digit.",
    )
]
LIVES = [("30", "30 days"), ("90", "90 days"), ("365", "one year"), ("", "until it is revoked")]


def zones() -> list[tuple[str, str]]:
    """The zones with a city, and none: then the browser's is told."""
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [("", "my browser's zone"), ("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class OrganisationForm(forms.Form):
    name = forms.CharField(max_length=200)
    about = forms.CharField(required=False, widget=forms.Textarea)
    website = forms.URLField(required=False, assume_scheme="https")


class TellingForm(forms.Form):
    """What an organisation tells of itself."""

    sector = forms.CharField(max_length=60, required=False, help_text=_("What it does, such as telecoms."))
    website = forms.URLField(required=False, assume_scheme="https")
    about = forms.CharField(required=False, widget=forms.Textarea)


class InvitationForm(forms.Form):
    username = forms.CharField(max_length=150, required=False, label=_("Account"))
    email = forms.CharField(max_length=254, required=False, label=_("or mail address"))
    role = forms.ChoiceField(choices=Membership.Role, required=False)

    def clean_role(self) -> str:
        return self.cleaned_data["role"] or Membership.Role.MEMBER


class ProfileForm(forms.Form):
    name = forms.CharField(max_length=200, required=False)
    about = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 4}))
    time_zone = forms.ChoiceField(required=False, choices=zones, label=_("Times are told in"))


class TokenForm(forms.Form):
    name = forms.CharField(max_length=200)
    scopes = forms.MultipleChoiceField(choices=ApiToken.Scope, widget=forms.CheckboxSelectMultiple, required=False)
    days = forms.TypedChoiceField(choices=LIVES, coerce=int, empty_value=None, required=False, label=_("It lives"))
