"""The one row the frame keeps: when each worker was last seen."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class WorkerSeen(models.Model):
    """A worker's sign of life, written by itself."""

    name = models.CharField(max_length=200, unique=True)
    queues = ArrayField(models.CharField(max_length=100))
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "workers seen"

    def __str__(self) -> str:
        return self.name
