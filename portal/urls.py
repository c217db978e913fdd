"""The addresses of the site: the frame's own two, and everything else from the rooms that know about patches."""

from django.contrib import admin
from django.urls import include, path

from portal.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/v1/", include("contributions.api.urls")),
    path("", include("contributions.urls")),  # before the accounts': /account/tokens/ is ours
    path("account/2fa/", include("allauth.mfa.urls")),
    path("account/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
]
