"""Contributions and where they stand on each release. rows.py makes these shapes in the database."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.models import Contribution, Fit, Revision


class StandingShape(serializers.Serializer[Any]):
    release = serializers.CharField(help_text="Its name.")
    score = serializers.FloatField(help_text="From 0 to 1; the site's page on ranking tells how it is made.")
    fit = serializers.ChoiceField(choices=[("", ""), *Fit.State.choices], help_text="Empty: not judged.")
    build_state = serializers.CharField(allow_blank=True, help_text="Of the last build; empty: not built.")
    works_count = serializers.IntegerField(help_text="Organisations for whom it works.")
    broken_count = serializers.IntegerField(help_text="Organisations for whom it is broken.")


class StandingPartsShape(StandingShape):
    parts = serializers.DictField(child=serializers.FloatField(), help_text="The summands of the score.")


class ContributionShape(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    url = serializers.URLField()
    page = serializers.URLField(help_text="For people.")
    component = serializers.CharField(help_text="Its slug.")
    kind = serializers.ChoiceField(choices=Contribution.Kind.choices)
    state = serializers.ChoiceField(choices=Contribution.State.choices)
    title = serializers.CharField()
    author = serializers.CharField(help_text="A username.")
    organisation = serializers.CharField(allow_null=True, help_text="Its slug.")
    release = serializers.CharField(allow_null=True, help_text="The name of the release that it was made for.")
    revision = serializers.IntegerField(allow_null=True, help_text="The newest that was received whole.")
    licence = serializers.CharField(allow_blank=True, help_text="The component's own unless its author named one.")
    created_at = serializers.DateTimeField()
    up = serializers.IntegerField()
    down = serializers.IntegerField()
    comment_count = serializers.IntegerField()
    running_count = serializers.IntegerField(help_text="Organisations that run it.")
    release_count = serializers.IntegerField(help_text="Supported releases that it was judged on.")
    fit_count = serializers.IntegerField(help_text="Of these, those that it applies to.")
    upstream_count = serializers.IntegerField(help_text="Of these, those that have it already.")
    green_count = serializers.IntegerField(help_text="Releases whose last build passed.")
    red_count = serializers.IntegerField(help_text="Releases whose last build failed.")
    score = serializers.FloatField(help_text="The best of its scores on supported releases.")
    standing = StandingShape(allow_null=True, help_text="On the release that the list was asked for.")


class LatestShape(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Revision.State.choices)
    sentence = serializers.CharField(allow_blank=True, help_text="Why it ended as it did.")
    url = serializers.URLField()


class ContributionLinksShape(serializers.Serializer[Any]):
    revisions = serializers.URLField()
    fits = serializers.URLField()
    builds = serializers.URLField()
    publications = serializers.URLField()
    comments = serializers.URLField()
    reports = serializers.URLField()
    reviews = serializers.URLField()
    checklist = serializers.URLField()
    overlaps = serializers.URLField(help_text="What is like it, and which releases have it already.")
    patch = serializers.URLField(allow_null=True, help_text="Of the current revision; `git am` takes it.")
    diff = serializers.URLField(allow_null=True)


class ContributionDetailShape(ContributionShape):
    standing = None  # type: ignore[assignment]  # the list of all of them takes its place
    description = serializers.CharField(allow_blank=True)
    description_html = serializers.CharField(allow_blank=True)
    is_draft = serializers.BooleanField(help_text="Only its author sees it.")
    joined = serializers.IntegerField(
        allow_null=True, help_text="The number of the one that its author joined instead."
    )
    holds_for = serializers.ListField(
        child=serializers.CharField(), help_text="Of an experience: the names of the releases where it is true."
    )
    question_count = serializers.IntegerField(help_text="Questions without an accepted answer.")
    tags = serializers.ListField(child=serializers.CharField())
    latest = LatestShape(allow_null=True, help_text="The newest revision, whether or not it was received yet.")
    standings = StandingPartsShape(many=True)
    links = ContributionLinksShape()
