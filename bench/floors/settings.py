"""The site's own settings, with the floors beside its pages."""

from portal.settings import *  # noqa: F403 - the site as it is, but for the line below

ROOT_URLCONF = "bench.floors.urls"
TEMPLATES[0]["DIRS"].append(BASE_DIR / "bench" / "floors")  # type: ignore[name-defined]  # noqa: F405
