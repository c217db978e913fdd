"""The floors and the site, side by side in one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import include, path
from rest_framework.generics import ListAPIView
from rest_framework.serializers import ModelSerializer

from contributions.models import Contribution

if TYPE_CHECKING:
    from django.http import HttpRequest

ROWS = 30
UNSHOWN = ("description", "description_html")  # neither the floors nor our lists read these


def bare(request: HttpRequest) -> HttpResponse:
    """Nothing but Django with the site's middleware."""
    del request
    return HttpResponse("ok")


def one_query(request: HttpRequest) -> HttpResponse:
    """30 rows with the names they need, by one query, in a plain table."""
    named = Contribution.objects.select_related("component", "author", "organisation", "release")
    rows = named.defer(*UNSHOWN)[:ROWS]
    return render(request, "rows.html", {"rows": rows})


class Row(ModelSerializer):
    class Meta:
        model = Contribution
        fields = (
            "id", "kind", "title", "state", "created_at", "up", "down", "score",
            "comment_count", "running_count", "component", "author", "organisation", "release",
        )  # fmt: skip


class Rows(ListAPIView):
    """30 rows through DRF's ModelSerializer, by one query."""

    authentication_classes = ()
    permission_classes = ()
    pagination_class = None
    filter_backends = ()
    serializer_class = Row

    def get_queryset(self) -> object:
        return Contribution.objects.defer(*UNSHOWN)[:ROWS]


urlpatterns = [
    path("floor/bare/", bare),
    path("floor/rows/", one_query),
    path("floor/api/", Rows.as_view()),
    path("", include("portal.urls")),
]
