"""Organisations, and the one who asks."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contributions.api.fields import Link
from contributions.models import ApiToken, Invitation, Membership, Organisation, Person, Transfer


class OrganisationShape(serializers.ModelSerializer[Organisation]):
    url = Link("api-organisation", slug="slug")
    page = Link("organisation", slug="slug")

    class Meta:
        model = Organisation
        fields: tuple[str, ...] = (
            *("slug", "name", "kind", "sector", "about", "website"),
            *("created_at", "url", "page"),
        )
        read_only_fields: tuple[str, ...] = fields


class MemberShape(serializers.ModelSerializer[Membership]):
    username = serializers.CharField(source="person.username", read_only=True)

    class Meta:
        model = Membership
        fields: tuple[str, ...] = ("username", "role", "joined_at")
        read_only_fields: tuple[str, ...] = fields


class OrganisationDetailShape(OrganisationShape):
    members = MemberShape(source="memberships", many=True, read_only=True)

    class Meta(OrganisationShape.Meta):
        fields: tuple[str, ...] = (*OrganisationShape.Meta.fields, "members")
        read_only_fields: tuple[str, ...] = fields


class OwnMembershipShape(serializers.ModelSerializer[Membership]):
    organisation = serializers.CharField(source="organisation.slug", read_only=True)

    class Meta:
        model = Membership
        fields: tuple[str, ...] = ("organisation", "role")
        read_only_fields: tuple[str, ...] = fields


class TokenShape(serializers.ModelSerializer[ApiToken]):
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=ApiToken.Scope.choices), read_only=True)

    class Meta:
        model = ApiToken
        fields: tuple[str, ...] = ("name", "prefix", "scopes", "expires_at")
        read_only_fields: tuple[str, ...] = fields


class MeShape(serializers.ModelSerializer[Person]):
    page = Link("person", username="username")
    organisation = serializers.SerializerMethodField(help_text="The one you speak for: its slug.")
    memberships = OwnMembershipShape(many=True, read_only=True)
    maintains = serializers.SerializerMethodField(help_text="Slugs of components.")
    token = serializers.SerializerMethodField(help_text="The token you used, if you used one.")

    class Meta:
        model = Person
        fields: tuple[str, ...] = (
            *("username", "name", "about", "time_zone", "email", "is_staff", "page"),
            *("organisation", "memberships", "maintains", "token"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_organisation(self, person: Person) -> str | None:
        return person.organisation.slug if person.organisation else None

    def get_maintains(self, person: Person) -> list[str]:
        return [component.slug for component in person.maintained_components.all()]

    @extend_schema_field(TokenShape(allow_null=True))
    def get_token(self, person: Person) -> Any:
        del person
        token = self.context["request"].auth
        return TokenShape(token).data if isinstance(token, ApiToken) else None


class TransferShape(serializers.ModelSerializer[Transfer]):
    contribution = serializers.IntegerField(source="contribution_id", read_only=True)
    title = serializers.CharField(source="contribution.title", read_only=True)
    giver = serializers.CharField(source="giver.username", read_only=True)
    taker = serializers.CharField(source="taker.username", read_only=True)

    class Meta:
        model = Transfer
        fields: tuple[str, ...] = ("id", "contribution", "title", "giver", "taker", "state", "created_at", "decided_at")
        read_only_fields: tuple[str, ...] = fields


class InvitationShape(serializers.ModelSerializer[Invitation]):
    organisation = serializers.CharField(source="organisation.slug", read_only=True)
    username = serializers.SerializerMethodField(help_text="The account that it names.")
    invited_by = serializers.CharField(source="invited_by.username", read_only=True)

    class Meta:
        model = Invitation
        fields: tuple[str, ...] = (
            *("id", "organisation", "username", "email", "role", "state"),
            *("invited_by", "created_at", "expires_at"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_username(self, invitation: Invitation) -> str | None:
        return invitation.person.username if invitation.person else None
