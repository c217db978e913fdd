"""The one way in which a row changes its state: along a drawn arrow, by one conditional UPDATE."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models

from contributions.errors import Clash


class Stateful(models.Model):
    """A row with one `state` column; `MOVES` draws which state may follow which."""

    MOVES: ClassVar[dict[str, frozenset[str]]] = {}

    state: models.CharField[str, str]

    class Meta:
        abstract = True

    def _manager(self) -> models.Manager[Any]:
        return type(self)._base_manager

    def may_move(self, to: str) -> bool:
        return to in self.MOVES.get(self.state, frozenset())

    def move(self, to: str, *, held: dict[str, Any] | None = None, **values: Any) -> Self:
        """Go to state `to` and set `values` with it.

        `held` are further conditions that must still be true (a lease, say). Raises Clash when the arrow is not drawn
        or when somebody else moved the row first; the row is then as it was.
        """
        noun = str(self._meta.verbose_name).capitalize()
        if not self.may_move(to):
            raise Clash(f"{noun} {self.pk} is {self.state} and cannot become {to}.")
        same = self._manager().filter(pk=self.pk, state=self.state, **(held or {}))
        if same.update(state=to, **values) != 1:
            raise Clash(f"{noun} {self.pk} is no longer {self.state}: somebody was first.")
        self.refresh_from_db()
        return self
