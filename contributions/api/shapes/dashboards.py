"""What an organisation's members look at: its reports, its work, and what waits for it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.api.fields import NOT_FINAL
from contributions.models import Comment, Contribution, FieldReport
from contributions.models.dashboard import ORDERS

from .forks import ForkShape
from .people import TransferShape


class RunShape(serializers.ModelSerializer[FieldReport]):
    contribution = serializers.IntegerField(source="contribution_id", read_only=True)
    title = serializers.SerializerMethodField(help_text="Null while it is in quarantine.")
    state = serializers.CharField(source="contribution.state", read_only=True, help_text="Of the contribution.")
    is_quarantined = serializers.BooleanField(source="contribution.is_quarantined", read_only=True)
    is_advised_against = serializers.BooleanField(source="is_advised", read_only=True)
    component = serializers.CharField(source="contribution.component.slug", read_only=True)
    release = serializers.CharField(source="release.name", read_only=True)
    is_candidate = serializers.BooleanField(source="release.is_candidate", read_only=True, help_text=NOT_FINAL)
    revision = serializers.IntegerField(source="number", read_only=True)
    newest = serializers.IntegerField(read_only=True, help_text="The newest revision.")
    asked = serializers.IntegerField(read_only=True, help_text="How often you were asked whether it still holds.")

    class Meta:
        model = FieldReport
        fields = (
            *("id", "contribution", "title", "state", "is_quarantined", "is_advised_against", "component", "release"),
            *("is_candidate", "revision", "newest", "outcome", "stage", "is_named", "asked", "reported_at"),
        )
        read_only_fields = fields

    def get_title(self, report: FieldReport) -> str | None:
        return None if report.contribution.is_quarantined else report.contribution.title


class WorkShape(serializers.ModelSerializer[Contribution]):
    number = serializers.IntegerField(read_only=True)
    component = serializers.CharField(source="component.slug", read_only=True)
    author = serializers.CharField(source="author.username", read_only=True)

    class Meta:
        model = Contribution
        fields: tuple[str, ...] = ("number", "title", "component", "author", "state", "question_count", "created_at")
        read_only_fields: tuple[str, ...] = fields


class SharedShape(WorkShape):
    open_threads = serializers.IntegerField(read_only=True, help_text="On lines.")

    class Meta(WorkShape.Meta):
        fields: tuple[str, ...] = (*WorkShape.Meta.fields, "is_draft", "is_quarantined", "open_threads")
        read_only_fields: tuple[str, ...] = fields


class RecalledShape(serializers.ModelSerializer[Contribution]):
    number = serializers.IntegerField(read_only=True)
    title = serializers.SerializerMethodField(help_text="Null while it is in quarantine.")
    component = serializers.CharField(source="component.slug", read_only=True)
    is_quarantined = serializers.BooleanField(read_only=True)
    is_advised_against = serializers.BooleanField(source="is_advised", read_only=True)
    is_out_of_the_feed = serializers.BooleanField(source="is_unpublished", read_only=True)

    class Meta:
        model = Contribution
        fields = ("number", "title", "component", "state", "is_quarantined", "is_advised_against", "is_out_of_the_feed")
        read_only_fields = fields

    def get_title(self, contribution: Contribution) -> str | None:
        return None if contribution.is_quarantined else contribution.title


class QuestionShape(serializers.ModelSerializer[Comment]):
    contribution = serializers.IntegerField(source="contribution_id", read_only=True)
    title = serializers.CharField(source="contribution.title", read_only=True)
    author = serializers.CharField(source="author.username", read_only=True)

    class Meta:
        model = Comment
        fields = ("id", "contribution", "title", "author", "text", "created_at")
        read_only_fields = fields


class DashboardShape(serializers.Serializer[Any]):
    offers = TransferShape(many=True, help_text="Contributions that colleagues offer to hand over to you.")
    runs = RunShape(many=True, help_text="Your own reports, by component and release.")
    asked = RunShape(many=True, help_text="Those that were asked about, and not answered.")
    recalled = RecalledShape(many=True, help_text="Of what you reported on or fetched.")
    review = WorkShape(many=True, help_text="Of others, on components that members maintain, approved by nobody yet.")
    changes = WorkShape(many=True, help_text="Yours, of which changes are requested.")
    questions = QuestionShape(many=True, help_text="About what you shared, with no accepted answer.")
    shared = SharedShape(many=True, help_text="What was shared for the organisation, the newest first.")
    forks = ForkShape(many=True, help_text="Forks that were taken apart for it, the newest first.")
    more = serializers.ListField(
        child=serializers.ChoiceField(choices=list(ORDERS)), help_text="The lists that are longer than what is shown."
    )
