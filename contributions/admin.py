"""What staff keep by hand: components, recipes, releases, organisations and people. The rest is there to be read."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db import models

from contributions.accounts.freshness import sensitive
from contributions.actions import belonging, maintaining, ruling
from contributions.errors import Refusal
from contributions.models import (
    Build,
    Component,
    Contribution,
    Event,
    Membership,
    Organisation,
    Person,
    Publication,
    Recipe,
    Release,
    UpstreamFetch,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.forms import ModelForm
    from django.http import HttpRequest, HttpResponse

    AnyAdmin = admin.ModelAdmin[Any]
    ComponentBase = admin.ModelAdmin[Component]
    ReleaseBase = admin.ModelAdmin[Release]
    OrganisationBase = admin.ModelAdmin[Organisation]
    RecipeInlineBase = admin.StackedInline[Recipe, Component]
    MembershipInlineBase = admin.TabularInline[Membership, Organisation]
    PersonBase = UserAdmin[Person]
else:  # the stubs know the classes by their model; Django at run time does not
    AnyAdmin = ComponentBase = ReleaseBase = OrganisationBase = admin.ModelAdmin
    RecipeInlineBase, MembershipInlineBase, PersonBase = admin.StackedInline, admin.TabularInline, UserAdmin

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # one door, with its limits on guessing
_admin_view = admin.site.admin_view


def _proven_view(view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:  # noqa: FBT001, FBT002 - Django's signature
    """Whatever the administration changes waits until its sender is fresh, as every sensitive verb does."""
    shown = _admin_view(view, cacheable)
    return shown if view == admin.site.logout else sensitive()(shown)


admin.site.admin_view = _proven_view  # type: ignore[method-assign,assignment]
admin.site.site_header = admin.site.site_title = "Patchbay"


class ReadOnly(AnyAdmin):
    """Rows that the actions and the workers write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del request, obj
        return False


WEB_ADDRESSES: dict[type[models.Field[Any, Any]], dict[str, Any]] = {models.URLField: {"assume_scheme": "https"}}


def _staff(request: HttpRequest) -> Person | None:
    return request.user if isinstance(request.user, Person) else None


class RecipeInline(RecipeInlineBase):
    model = Recipe
    extra = 0


@admin.register(Component)
class ComponentAdmin(ComponentBase):
    list_display = ["slug", "name", "upstream_url", "approvals_needed"]
    search_fields = ["slug", "name"]
    filter_horizontal = ["maintainers"]
    formfield_overrides = WEB_ADDRESSES
    inlines = [RecipeInline]

    def save_related(self, request: HttpRequest, form: ModelForm[Component], formsets: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        """Note other rules and other maintainers; pull from upstream, whose address or pattern may be new."""
        before, keepers = form.initial, set(form.initial.get("maintainers") or ())
        super().save_related(request, form, formsets, change)
        if change:
            ruling.note_rules(form.instance, {name: before[name] for name in ruling.NOTED}, actor=_staff(request))
            ruling.note_maintainers(form.instance, keepers, actor=_staff(request))
        maintaining.fetch_upstream(component=form.instance, actor=_staff(request))


@admin.register(Release)
class ReleaseAdmin(ReleaseBase):
    list_display = ["component", "name", "kind", "state", "position", "commit"]
    list_filter = ["component", "state"]
    search_fields = ["name", "slug"]
    fields = ["component", "name", "slug", "kind", "ref", "commit", "position", "released_at", "state"]
    readonly_fields = ["component", "name", "slug", "kind", "ref", "commit", "state"]
    actions = ["support", "retire"]

    @admin.action(description="Support: judge and build on them again")
    def support(self, request: HttpRequest, queryset: QuerySet[Release]) -> None:
        self._each(request, queryset, maintaining.support)

    @admin.action(description="Retire: judge and build on them no more")
    def retire(self, request: HttpRequest, queryset: QuerySet[Release]) -> None:
        self._each(request, queryset, maintaining.retire)

    def _each(self, request: HttpRequest, releases: QuerySet[Release], act: Callable[..., Release]) -> None:
        for release in releases:
            try:
                act(person=request.user, release=release)
            except Refusal as refusal:
                self.message_user(request, refusal.sentence, messages.WARNING)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Releases are found in the component's upstream, or made by `manage.py add_release`, which pins the commit."""
        del request
        return False


class MembershipInline(MembershipInlineBase):
    model = Membership
    extra = 0
    autocomplete_fields = ["person"]


@admin.register(Organisation)
class OrganisationAdmin(OrganisationBase):
    list_display = ["name", "slug", "kind"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    formfield_overrides = WEB_ADDRESSES
    inlines = [MembershipInline]

    def save_related(self, request: HttpRequest, form: ModelForm[Organisation], formsets: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        """Note it when others own the organisation than before."""
        owners = form.instance.owner_keys()
        super().save_related(request, form, formsets, change)
        belonging.note_owners(form.instance, owners, actor=_staff(request))


@admin.register(Person)
class PersonAdmin(PersonBase):
    list_display = ["username", "name", "email", "is_staff", "is_active"]
    search_fields = ["username", "name", "email"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("About", {"fields": ["name", "email", "about"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]

    def save_model(self, request: HttpRequest, obj: Person, form: ModelForm[Person], change: bool) -> None:  # noqa: FBT001 - Django's signature
        """Note it when the account answers to another mail address than before."""
        super().save_model(request, obj, form, change)
        before = str(form.initial.get("email") or "")
        if change and "email" in form.changed_data:
            why = "Staff replaced the mail address of this account."
            belonging.changed_hands(obj, why, actor=_staff(request), address=before)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 - Django's signature
        """Note it when staff give the account a password that its owner did not choose."""
        answer = super().user_change_password(request, id, form_url)
        if request.method == "POST" and answer.status_code == HTTPStatus.FOUND:
            person = Person.objects.get(pk=id)
            belonging.changed_hands(person, "Staff replaced the password of this account.", actor=_staff(request))
        return answer


@admin.register(Contribution)
class ContributionAdmin(ReadOnly):
    list_display = ["id", "title", "component", "kind", "state", "author"]
    list_filter = ["state", "kind", "component"]
    search_fields = ["title"]
    list_select_related = ["component", "author"]


@admin.register(Build)
class BuildAdmin(ReadOnly):
    list_display = ["id", "revision", "release", "state", "attempts", "queued_at", "finished_at"]
    list_filter = ["state"]
    list_select_related = ["revision", "release__component"]


@admin.register(Publication)
class PublicationAdmin(ReadOnly):
    list_display = ["id", "revision", "release", "state", "published_at"]
    list_filter = ["state"]
    list_select_related = ["revision", "release__component"]


@admin.register(UpstreamFetch)
class UpstreamFetchAdmin(ReadOnly):
    list_display = ["id", "component", "state", "attempts", "queued_at", "finished_at", "sentence"]
    list_filter = ["state"]
    list_select_related = ["component"]


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ["id", "at", "actor", "verb", "contribution", "release", "text"]
    list_filter = ["verb"]
    list_select_related = ["actor", "contribution", "release__component"]
