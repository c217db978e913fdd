"""Voting, commenting, reporting, reviewing and withdrawing."""

from __future__ import annotations

from typing import Any

from django import forms

from contributions.models import Comment, Contribution, FieldReport, Release, Review


class VoteForm(forms.Form):
    value = forms.TypedChoiceField(choices=[("1", "up"), ("-1", "down"), ("0", "none")], coerce=int)


class CommentForm(forms.Form):
    text = forms.CharField(widget=forms.Textarea, strip=False, required=False)
    parent = forms.ModelChoiceField(Comment.objects.none(), required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, contribution: Contribution, **given: Any) -> None:
        super().__init__(*args, **given)
        self.fields["parent"].queryset = contribution.comments.all()  # type: ignore[attr-defined]


class EditForm(forms.Form):
    text = forms.CharField(widget=forms.Textarea, strip=False, required=False)


class ReportForm(forms.Form):
    release = forms.ModelChoiceField(Release.objects.none(), to_field_name="slug", empty_label="Choose a release")
    outcome = forms.ChoiceField(choices=FieldReport.Outcome, widget=forms.RadioSelect)
    stage = forms.ChoiceField(choices=FieldReport.Stage, widget=forms.RadioSelect)
    environment = forms.CharField(required=False, max_length=300)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    text = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 5}), strip=False)

    def __init__(self, *args: Any, contribution: Contribution, **given: Any) -> None:
        super().__init__(*args, **given)
        self.fields["release"].queryset = contribution.component.releases.supported()  # type: ignore[attr-defined]


class ReviewForm(forms.Form):
    verdict = forms.ChoiceField(choices=Review.Verdict, widget=forms.RadioSelect)
    message = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 5}), strip=False)
    revision = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class ReasonForm(forms.Form):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
