"""The addresses of the site: the frame's own two, and everything else from the rooms that know about patches."""

from django.urls import path

from portal.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
