"""The worker's app: where its settings are, where tasks are found, and how a worker says that it lives."""

import os

from celery import Celery

from portal.heartbeat import SignOfLife

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add(SignOfLife)
