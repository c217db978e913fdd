"""What people write, as HTML: their Markdown, with a link to each person whom it speaks to."""

from __future__ import annotations

from django.urls import reverse

from contributions.markup import render
from contributions.mentions import mentioned
from contributions.models import Person


def rendered(text: str, *, places: bool = False) -> str:
    """The HTML of the text; an @name leads to the person if there is an account of that name.

    `places` gives its headings ids: for the one text on a page that has a table of contents.
    """
    names = mentioned(text, quoted=True)
    known = Person.objects.filter(username__in=names, is_active=True).order_by().values_list("username", flat=True)
    links = {f"@{name}": reverse("person", args=[name]) for name in known} if names else {}
    return render(text, links=links, places=places)
