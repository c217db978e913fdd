"""The site's own settings for tests: a fresh directory for all that is kept, and static files as they are."""

import os
import tempfile

if "PATCHBAY_VAR" not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:  # each of several has services of its own
    os.environ["PATCHBAY_VAR"] = tempfile.mkdtemp(prefix="patchbay-tests-")
os.environ.setdefault("PATCHBAY_DATABASE_DURABLE", "0")

from portal.settings import *  # noqa: F403 - the environment comes first; the names are the site's own

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of accounts, none of them real
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True  # static files as they lie, not collected
