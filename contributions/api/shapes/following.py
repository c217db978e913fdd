"""What somebody follows, was told, and wants to be told by mail."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.models import Follow, Notification, Person, SavedSearch
from contributions.models.news import About, Rhythm
from contributions.pipeline.wording import place_of, sentence_of


class FollowShape(serializers.ModelSerializer[Follow]):
    kind = serializers.CharField(read_only=True)
    key = serializers.CharField(read_only=True, help_text="By which `follows/KIND/KEY/` names it.")
    title = serializers.SerializerMethodField()
    muted = serializers.BooleanField(source="is_muted", read_only=True)
    chosen = serializers.BooleanField(source="is_chosen", read_only=True, help_text="Else it came of taking part.")
    page = serializers.SerializerMethodField()

    class Meta:
        model = Follow
        fields: tuple[str, ...] = ("kind", "key", "title", "muted", "chosen", "created_at", "page")
        read_only_fields: tuple[str, ...] = fields

    def get_title(self, follow: Follow) -> str:
        return str(follow.thing)

    def get_page(self, follow: Follow) -> str:
        return f"{self.context['site']}{follow.thing.get_absolute_url()}"


class SearchShape(serializers.ModelSerializer[SavedSearch]):
    is_followed = serializers.SerializerMethodField(help_text="Whether you are told of new matches.")
    page = serializers.SerializerMethodField()

    class Meta:
        model = SavedSearch
        fields: tuple[str, ...] = ("id", "name", "query", "is_followed", "created_at", "page")
        read_only_fields: tuple[str, ...] = fields

    def get_is_followed(self, search: SavedSearch) -> bool:
        return bool(search.followers.all())

    def get_page(self, search: SavedSearch) -> str:
        return f"{self.context['site']}{search.get_absolute_url()}"


class NotificationShape(serializers.ModelSerializer[Notification]):
    event = serializers.IntegerField(source="event_id", read_only=True, help_text="Its line in `audit/`.")
    verb = serializers.CharField(source="event.verb", read_only=True)
    sentence = serializers.SerializerMethodField()
    because = serializers.CharField(source="reason", read_only=True)
    contribution = serializers.IntegerField(source="contribution_id", read_only=True, allow_null=True)
    is_read = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField(help_text="Where it is read.")

    class Meta:
        model = Notification
        fields: tuple[str, ...] = (
            *("id", "event", "verb", "sentence", "why", "because", "contribution", "created_at", "is_read", "page"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_sentence(self, row: Notification) -> str:
        return sentence_of(row.event)

    def get_is_read(self, row: Notification) -> bool:
        return row.read_at is not None

    def get_page(self, row: Notification) -> str:
        return f"{self.context['site']}{place_of(row.event)}"


class ReadShape(serializers.Serializer[Any]):
    read = serializers.IntegerField(help_text="How many were marked now.")
    unread = serializers.IntegerField(help_text="How many are left; 100 stands for that many or more.")


class MailShape(serializers.Serializer[Any]):
    rules = serializers.DictField(
        child=serializers.ChoiceField(choices=Rhythm.choices),
        help_text="Of " + ", ".join(About.values) + ": how often.",
    )
    recall_mail = serializers.ChoiceField(choices=Person.RecallMail.choices)
