"""What became of a contribution upstream."""

from __future__ import annotations

from typing import Self

from django import forms
from django.utils.translation import gettext_lazy as _

from contributions.models import Contribution


class UpstreamForm(forms.Form):
    status = forms.ChoiceField(choices=Contribution.UpstreamStatus, label=_("Status"))
    link = forms.CharField(required=False, max_length=1000, label=_("Link"))
    reason = forms.CharField(required=False, max_length=1000, label=_("Why it is not for upstream"))

    @classmethod
    def of(cls, contribution: Contribution) -> Self:
        """As it stands."""
        names = ("status", "link", "reason")
        return cls(initial={name: getattr(contribution, f"upstream_{name}") for name in names})
