"""Voting, commenting, reporting, reviewing and withdrawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contributions.models import Comment, Contribution, FieldReport, Release, Review

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contributions.models import Trait


NAMED = [("yes", "Our name stands beside it"), ("no", "Only “an organisation”, with its sector if many share it")]


class VoteForm(forms.Form):
    value = forms.TypedChoiceField(choices=[("1", "up"), ("-1", "down"), ("0", "none")], coerce=int)


class CommentForm(forms.Form):
    text = forms.CharField(widget=forms.Textarea, strip=False, required=False)
    is_question = forms.BooleanField(required=False)
    parent = forms.ModelChoiceField(Comment.objects.none(), required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, contribution: Contribution, **given: Any) -> None:
        super().__init__(*args, **given)
        self.fields["parent"].queryset = contribution.comments.all()  # type: ignore[attr-defined]

    @property
    def answered(self) -> int:
        """The key of the comment that it answers, right or wrong as it was sent; 0 for none."""
        word = str(self["parent"].value() or "")
        return int(word) if word.isascii() and word.isdigit() and len(word) < 19 else 0  # noqa: PLR2004 - fits a bigint


class EditForm(forms.Form):
    text = forms.CharField(widget=forms.Textarea, strip=False, required=False)
    is_question = forms.BooleanField(required=False)


class ReportForm(forms.Form):
    release = forms.ModelChoiceField(Release.objects.none(), to_field_name="slug", empty_label="Choose a release")
    outcome = forms.ChoiceField(choices=FieldReport.Outcome, widget=forms.RadioSelect)
    stage = forms.ChoiceField(choices=FieldReport.Stage, widget=forms.RadioSelect)
    environment = forms.CharField(required=False, max_length=300)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    text = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 5}), strip=False)

    is_named = forms.ChoiceField(
        required=False, label=_("Who says it"), choices=NAMED, initial="yes", widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, contribution: Contribution, **given: Any) -> None:
        super().__init__(*args, **given)
        self.fields["release"].queryset = contribution.component.releases.supported()  # type: ignore[attr-defined]
        self.vocabulary = list(contribution.component.traits.all())
        add_traits(self, self.vocabulary)

    @property
    def trait_fields(self) -> list[forms.BoundField]:
        return [self[f"trait-{trait.slug}"] for trait in self.vocabulary]

    @property
    def said(self) -> dict[str, Any]:
        """What was filled in, as the action takes it."""
        given = {name: value for name, value in self.cleaned_data.items() if not name.startswith("trait-")}
        return given | {"traits": traits_of(self), "is_named": given["is_named"] != "no"}


def add_traits(form: forms.Form, vocabulary: Iterable[Trait]) -> None:
    """A field for each trait, of what it can be."""
    for trait in vocabulary:
        choices = [("", "Not told"), *((choice, choice) for choice in trait.choices)]
        form.fields[f"trait-{trait.slug}"] = forms.ChoiceField(required=False, label=trait.name, choices=choices)


def traits_of(form: forms.Form) -> dict[str, str]:
    """What was chosen in the fields of add_traits, by the slugs of the traits."""
    return {name.removeprefix("trait-"): value for name, value in form.cleaned_data.items() if name[:6] == "trait-"}


class ClaimsForm(forms.Form):
    fixes = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 6}), label=_("What it fixes"))
    tests = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 6}), label=_("How to see that it works")
    )


class TickForm(forms.Form):
    holds = forms.TypedChoiceField(
        choices=[("yes", "holds"), ("no", "fails"), ("none", "none")],
        coerce={"yes": True, "no": False}.get,
    )
    text = forms.CharField(required=False)


class ConfirmForm(forms.Form):
    commit = forms.CharField(max_length=64)
    is_same = forms.TypedChoiceField(
        choices=[("yes", "the same"), ("no", "another"), ("back", "taken back")],
        coerce={"yes": True, "no": False, "back": None}.get,
        empty_value=None,
    )


class ReviewForm(forms.Form):
    verdict = forms.ChoiceField(choices=Review.Verdict, widget=forms.RadioSelect)
    message = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 5}), strip=False)
    revision = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class ReasonForm(forms.Form):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
