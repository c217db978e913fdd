"""Who may send a form: somebody signed in; a stranger is led to the sign-in and back to the form's page."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login
from django.shortcuts import resolve_url
from django.views.decorators.http import require_POST

from contributions.errors import NotAllowed
from contributions.models import Person

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    View = Callable[..., HttpResponse]


def person_of(request: HttpRequest) -> Person:
    """Who sends the request; raises NotAllowed for a stranger, whom the decorators should have led away before."""
    if not isinstance(request.user, Person):
        raise NotAllowed("Sign in first.")
    return request.user


def verb(page: str, *, of_the_same: bool = True, by: str = "") -> Callable[[View], View]:
    """Mark a view that acts: POST only; after signing in, a stranger comes back to `page`.

    That page is about the same thing as the view and so takes its arguments, unless `of_the_same` is False; `by` names
    the one that it takes when the view takes more.
    """

    def marked(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **given: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                taken = {by: given[by]} if by else given
                return redirect_to_login(resolve_url(page, **taken) if of_the_same else resolve_url(page))
            return view(request, *args, **given)

        return require_POST(checked)

    return marked
