"""Icons, ages, states and the address of the next page, as templates write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.conf import settings
from django.utils.html import format_html

from contributions import markup
from contributions.inspection.reports import words
from contributions.models import Notification
from contributions.models.news import MOST_COUNTED
from contributions.views import marks
from contributions.views.ages import exact
from contributions.views.following import state_of

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.safestring import SafeString

    from contributions.models import Contribution

register = template.Library()
NEWEST_THREADS = 8


icon = register.simple_tag(marks.icon)
state = register.simple_tag(marks.state)
when = register.simple_tag(marks.when)
fit_mark = register.simple_tag(marks.fit_mark)
commit_link = register.simple_tag(marks.commit_link)

MARKS = {"met": "circle-check", "waiting": "clock", "not-met": "circle-x", "not-asked": "circle-dashed"}


@register.simple_tag
def mark(word: str) -> SafeString:
    """Where a rule stands: a picture, and the same in words."""
    told = word.replace("-", " ")
    return format_html(
        '<span class="mark">{} <span class="state" data-state="{}">{}</span></span>', icon(MARKS[word]), word, told
    )


@register.simple_tag
def moment(moment: datetime) -> SafeString:
    """The time itself, for what lies ahead."""
    shape = '<time class="moment" datetime="{}"><span>{}</span> <span>{}</span></time>'
    return format_html(shape, moment.isoformat(timespec="seconds"), *exact(moment))


@register.inclusion_tag("remarks/_open.html")
def open_threads(contribution: Contribution) -> dict[str, Any]:
    """The newest threads on lines that nobody resolved."""
    rows = contribution.line_comments.published().threads().unresolved().select_related("author")
    return {"threads": rows.order_by("-pk")[:NEWEST_THREADS], "contribution": contribution}


@register.simple_tag
def site_name() -> str:
    return str(settings.SITE_NAME)


@register.inclusion_tag("_follow.html", takes_context=True)
def follow_box(context: Any, thing: Any) -> dict[str, Any]:
    """The button that follows a thing, and how many do."""
    request = context["request"]
    return state_of(request.user, thing) | {"back": request.get_full_path(), "csrf_token": context.get("csrf_token")}


@register.simple_tag(takes_context=True)
def saved_searches(context: Any) -> Any:
    """The searches that the reader saved."""
    return context["user"].searches.all()


@register.simple_tag(takes_context=True)
def unread(context: Any) -> str:
    """How many notifications the reader has not read, in few characters; empty for none."""
    count = Notification.objects.count_unread(context["user"])
    return "" if not count else f"{MOST_COUNTED - 1}+" if count >= MOST_COUNTED else str(count)


@register.filter
def kind_words(media_type: str) -> str:
    """A media type as a person says it."""
    return words(media_type) if media_type else "not told"


@register.filter
def reveal(text: Any) -> str:
    """The text with control characters and unseen ones made visible."""
    return markup.reveal(str(text))


@register.filter
def reveal_code(text: Any) -> str:
    """The same for paths and whatever else is code."""
    return markup.reveal_code(str(text))


@register.filter
def is_web(address: str) -> bool:
    """Whether it may be linked to: an address of the web, not a script."""
    return address.startswith(("https://", "http://"))


@register.filter
def seconds(value: float | None) -> str:
    """A run time in words: 0.4 s, 12 s, 3 min 5 s."""
    if value is None:
        return ""
    if value < 10:  # noqa: PLR2004 - one decimal tells something below ten seconds
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@register.filter
def short(commit: str) -> str:
    return str(commit)[:10]
