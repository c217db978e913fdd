"""What a contribution can be found by: one row with all its words, made anew whenever they changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVectorField, TrigramSimilarity
from django.db import models

from .contribution import Contribution

if TYPE_CHECKING:
    from collections.abc import Iterable

WORDLESS = frozenset({"fitted", "built", "voted", "reported", "reviewed", "approved", "published", "unpublished"})


class Document(models.Model):
    """Words of title (A), description (B), commits and talk (C), paths and added lines (D)."""

    contribution = models.OneToOneField(Contribution, on_delete=models.CASCADE, primary_key=True)
    words = SearchVectorField()

    class Meta:
        indexes = [GinIndex(fields=["words"], name="document_words")]

    def __str__(self) -> str:
        return f"words of {self.contribution_id}"


class UnreadQuerySet(models.QuerySet["Unread"]):
    def leave(self, done: Iterable[tuple[str, int | None]]) -> None:
        """Remember, in the transaction that does it, that the words may have changed by what was done to whom."""
        wordy = [Unread(contribution_id=pk) for verb, pk in done if pk is not None and verb not in WORDLESS]
        self.bulk_create(wordy)

    def oldest(self, most: int) -> list[int]:
        """The keys of contributions whose words wait, the longest waiting first."""
        rows = self.values("contribution").annotate(first=models.Min("pk")).order_by("first")
        return [row["contribution"] for row in rows[:most]]


class Unread(models.Model):
    """Words of a contribution changed since its document was made. The row is the queue."""

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="+")

    objects = UnreadQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.contribution_id} is to be read"


class WordQuerySet(models.QuerySet["Word"]):
    def learn(self, words: Iterable[str]) -> None:
        """In one order, so that two who learn the same words never wait for each other in a circle."""
        self.bulk_create([Word(text=word) for word in sorted(words)], ignore_conflicts=True)

    def like(self, word: str) -> str:
        """The known word that is spelled most like this one, or nothing."""
        near = self.filter(text__trigram_similar=word).annotate(likeness=TrigramSimilarity("text", word))
        return near.order_by("-likeness", "text").values_list("text", flat=True).first() or ""


class Word(models.Model):
    """A word of some title or description, for those who nearly typed it."""

    text = models.CharField(max_length=30, unique=True)

    objects = WordQuerySet.as_manager()

    class Meta:
        indexes = [GinIndex(OpClass("text", name="gin_trgm_ops"), name="word_letters")]

    def __str__(self) -> str:
        return self.text
