"""The settings of the site, read from the environment; docs/configuration.md tells of each."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from portal.environment import Environment, database_from, mail_from
from portal.secret import secret_key
from portal.services.postgres import Postgres
from portal.services.valkey import Valkey

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]
environment = Environment(os.environ)

# Where things are kept
VAR_DIR = environment.directory("PATCHBAY_VAR", BASE_DIR / "var")
MEDIA_ROOT = environment.directory("PATCHBAY_FILES", VAR_DIR / "files")
STATIC_ROOT = environment.directory("PATCHBAY_STATIC", VAR_DIR / "static")
MIRRORS_DIR = VAR_DIR / "mirrors"
TOOLCHAINS_DIR = VAR_DIR / "toolchains"
PREPARED_DIR = VAR_DIR / "prepared"
RELEASES_DIR = VAR_DIR / "releases"
KEYS_DIR = environment.directory("PATCHBAY_KEYS_DIR", VAR_DIR / "keys")

# The face to the world
DEBUG = environment.flag("PATCHBAY_DEBUG")
SECRET_KEY = environment.text("PATCHBAY_SECRET_KEY") or secret_key(VAR_DIR / "secret_key")
ALLOWED_HOSTS = environment.words("PATCHBAY_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = environment.words("PATCHBAY_ORIGINS")
HTTPS = environment.flag("PATCHBAY_HTTPS")
BEHIND_PROXY = environment.flag("PATCHBAY_BEHIND_PROXY")
SITE_NAME = environment.text("PATCHBAY_SITE_NAME", "Patchbay")
WEB_PORT = environment.number("PORT", 8000, least=1, most=65535)
WEB_ADDRESS = environment.text("BIND", "127.0.0.1")
WEB_WORKERS = environment.number("PATCHBAY_WEB_WORKERS", 2, least=1, most=256)
WEB_THREADS = environment.number("PATCHBAY_WEB_THREADS", 4, least=1, most=256)
KEPT_PAGES_MEGABYTES = environment.number("PATCHBAY_KEPT_PAGES_MEGABYTES", 64, least=0, most=65536)
SITE_URL = environment.text("PATCHBAY_SITE_URL", f"http://{WEB_ADDRESS}:{WEB_PORT}").rstrip("/")

# What a contribution may weigh
MAX_PATCH_BYTES = environment.number("PATCHBAY_MAX_PATCH_BYTES", 10 * 2**20, least=1024)
MAX_ARTIFACT_BYTES = environment.number("PATCHBAY_MAX_ARTIFACT_BYTES", 256 * 2**20, least=1024)
MAX_FORK_BYTES = environment.number("PATCHBAY_MAX_FORK_BYTES", 64 * 2**20, least=1024)
MAX_TEXT_BYTES = environment.number("PATCHBAY_MAX_TEXT_BYTES", 64 * 2**10, least=256)
MAX_LOG_BYTES = environment.number("PATCHBAY_MAX_LOG_BYTES", 4 * 2**20, least=4096)

# The work
ALLOW_PRIVATE_UPSTREAMS = environment.flag("PATCHBAY_ALLOW_PRIVATE_UPSTREAMS")
EXECUTOR = environment.choice("PATCHBAY_EXECUTOR", "bubblewrap", ["bubblewrap", "container"])
READINESS_WORDS = {
    "sandbox": "contributions.models.builder.word_of_builders",
    "index": "contributions.models.index.word_of_index",
    "signatures": "contributions.models.attestation.word_of_signatures",
}
RECHECK_SECONDS = environment.number("PATCHBAY_RECHECK_SECONDS", 60, least=1)
IMAGE = environment.text("PATCHBAY_IMAGE")
ALLOW_PRIVATE_WEBHOOKS = environment.flag("PATCHBAY_ALLOW_PRIVATE_WEBHOOKS")
SANDBOX_UID = environment.number("PATCHBAY_SANDBOX_UID", 64999, least=1000, most=2**31)
BUILDS_AT_ONCE = environment.number("PATCHBAY_BUILDS_AT_ONCE", max(1, (os.cpu_count() or 2) - 1), least=1, most=256)
LEASE_SECONDS = environment.number("PATCHBAY_LEASE_SECONDS", 60, least=3)
LEASE_RENEW_SECONDS = environment.number("PATCHBAY_LEASE_RENEW_SECONDS", max(1, LEASE_SECONDS // 4), least=1)
SWEEP_SECONDS = environment.number("PATCHBAY_SWEEP_SECONDS", 15, least=1)
WATCH_SECONDS = environment.number("PATCHBAY_WATCH_SECONDS", 60, least=1, most=3600)
SEAL_SECONDS = environment.number("PATCHBAY_SEAL_SECONDS", 60, least=1)
TELL_SECONDS = environment.number("PATCHBAY_TELL_SECONDS", 5, least=1, most=3600)
MAIL_WAIT_SECONDS = environment.number("PATCHBAY_MAIL_WAIT_SECONDS", 180, least=0, most=3600)
ATTEMPTS = environment.number("PATCHBAY_ATTEMPTS", 3, least=1)
PREPARE_ENVIRONMENT = environment.pairs("PATCHBAY_PREPARE_ENVIRONMENT")
KEPT_MEGABYTES = environment.number("PATCHBAY_KEPT_MEGABYTES", 20480, least=1)
PREPARE_HOSTS = environment.hosts("PATCHBAY_PREPARE_HOSTS", ["*"])
PREPARE_PROXY = environment.proxy("PATCHBAY_PREPARE_PROXY")
PREPARE_MEGABYTES = environment.number("PATCHBAY_PREPARE_MEGABYTES", 2048, least=1)
LONGEST_LOG_MEGABYTES = environment.number("PATCHBAY_LONGEST_LOG_MEGABYTES", 128, least=1)
REPEAT_BUILDS = environment.choice("PATCHBAY_REPEAT_BUILDS", "published", ["published", "asked"])
KEEP_BUILD_DAYS = environment.number("PATCHBAY_KEEP_BUILD_DAYS", 365, least=0)
KEEP_UNNAMED_HOURS = environment.number("PATCHBAY_KEEP_UNNAMED_HOURS", 48, least=25)
LONGEST_BUILD_SECONDS = environment.number("PATCHBAY_LONGEST_BUILD_SECONDS", 3600, least=10)

# The signing keys that may stand in the environment; only the process that signs ever reads their values.
KEY_VARIABLES = environment.read_elsewhere(
    f"PATCHBAY_KEY_{role}" for role in ("BUILDS", "HISTORY", "ROOT", "TARGETS", "SNAPSHOT", "TIMESTAMP", "RELEASES")
)

# How long the files of the feed's index are good for
INDEX_TIMESTAMP_HOURS = environment.number("PATCHBAY_INDEX_TIMESTAMP_HOURS", 24, least=1, most=24 * 30)
INDEX_SNAPSHOT_DAYS = environment.number("PATCHBAY_INDEX_SNAPSHOT_DAYS", 7, least=1, most=365)
INDEX_TARGETS_DAYS = environment.number("PATCHBAY_INDEX_TARGETS_DAYS", 90, least=1, most=365)
INDEX_ROOT_DAYS = environment.number("PATCHBAY_INDEX_ROOT_DAYS", 365, least=90, most=3650)

# Django
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "portal",
    "contributions",
]
MIDDLEWARE = [
    "portal.middleware.guard_responses",
    "contributions.api.problems.never_html",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.refuse_nul",
    "contributions.keeping.KeptPages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "contributions.views.ages.OwnTimes",
    "contributions.views.bearing.TokensForFiles",
    "contributions.views.refusals.RefusalPages",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
LANGUAGE_CODE = environment.text("PATCHBAY_LANGUAGE", "en")
LOCALE_PATHS = [BASE_DIR / "locale", VAR_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# The database: the embedded one, unless another is named
DATABASE_URL = environment.text("DATABASE_URL")
DATABASE_DURABLE = environment.flag("PATCHBAY_DATABASE_DURABLE", default=True)


def embedded_database() -> dict[str, Any]:
    server = Postgres(VAR_DIR, durable=DATABASE_DURABLE)
    return {"ENGINE": "portal.database", **server.address, "SERVER": server}


DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **(database_from(DATABASE_URL) if DATABASE_URL else embedded_database()),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    },
}
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 10)  # seconds; unlimited otherwise
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# What every process must count together (allauth's limits on guessing) lies in the database: without a broker the site
# still answers, and must not then let everybody guess.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# Files
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "files/"
STORAGES = {
    "default": {"BACKEND": "portal.storage.WholeFileStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o640
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o750
FILE_UPLOAD_HANDLERS = [
    "contributions.forms.uploading.CutOff",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DATA_UPLOAD_MAX_MEMORY_SIZE = max(MAX_PATCH_BYTES, MAX_TEXT_BYTES) + 2**20  # the form's other fields
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 10
WHITENOISE_MANIFEST_STRICT = False

# Who may come in
AUTH_USER_MODEL = "contributions.Person"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_USERNAME_VALIDATORS = "contributions.forms.people.USERNAMES"
ACCOUNT_EMAIL_VERIFICATION = environment.choice(
    "PATCHBAY_EMAIL_VERIFICATION", "optional", ["mandatory", "optional", "none"]
)
ACCOUNT_ADAPTER = "contributions.accounts.adapter.Accounts"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
REAUTHENTICATE_SECONDS = environment.number("PATCHBAY_REAUTHENTICATE_SECONDS", 900, least=30)
ACCOUNT_REAUTHENTICATION_TIMEOUT = REAUTHENTICATE_SECONDS
SECOND_FACTOR = environment.choice("PATCHBAY_SECOND_FACTOR", "optional", ["optional", "maintainers"])
MFA_ADAPTER = "contributions.accounts.adapter.Factors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1  # one step of 30 seconds: clocks differ
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # browsers offer passkeys without HTTPS to localhost alone
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0  # only then X-Forwarded-For names the client
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0  # a year, as browsers' preload lists ask
SECURE_HSTS_INCLUDE_SUBDOMAINS = environment.flag("PATCHBAY_HSTS_SUBDOMAINS")
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes speak plain HTTP to the process itself
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # whether the subdomains speak HTTPS too is the operator's to say: PATCHBAY_HSTS_SUBDOMAINS
    "security.W021",  # the same for the browsers' preload list
    "security.W002",  # frames are forbidden by portal.middleware's Content-Security-Policy
]

# Mail
EMAIL_URL = environment.text("PATCHBAY_EMAIL_URL", "console:")
globals().update(mail_from(EMAIL_URL))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = environment.text("PATCHBAY_EMAIL_FROM", "patchbay@localhost")

# REST
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser", "rest_framework.parsers.MultiPartParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "contributions.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "EXCEPTION_HANDLER": "contributions.api.problems.answer",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Patchbay",
    "DESCRIPTION": "Contributions, their evidence, and the feed of approved builds.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        f"{noun}{trait}": f"contributions.models.{noun}.{trait}"
        for noun, trait in (
            ("Contribution", "Kind"),
            ("Contribution", "State"),
            ("Organisation", "Kind"),
            ("Release", "Kind"),
            ("Release", "State"),
            ("Revision", "State"),
            ("Fit", "State"),
            ("Comparison", "State"),
            ("Assembly", "State"),
            ("Assembly", "Verdict"),
            ("Review", "Verdict"),
            ("Build", "State"),
            ("Publication", "State"),
            ("Advisory", "State"),
            ("Webhook", "State"),
            ("Delivery", "State"),
            ("Flag", "State"),
            ("Invitation", "State"),
            ("Fork", "State"),
            ("Carried", "State"),
        )
    }
    | {"LockWord": "contributions.models.checkup.Word"},
}

# The worker
CELERY_BROKER_URL = environment.text("CELERY_BROKER_URL")
BROKER_IS_EMBEDDED = not CELERY_BROKER_URL
if BROKER_IS_EMBEDDED:
    CELERY_BROKER_URL = Valkey(VAR_DIR).url
WORK_QUEUES = ("receive", "fit", "builds", "sign", "deliver")
CELERY_TASK_QUEUES = {name: {"exchange": name, "routing_key": name} for name in WORK_QUEUES}
CELERY_TASK_DEFAULT_QUEUE = "receive"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_ROUTES = {
    "contributions.tasks.fit*": {"queue": "fit"},
    "contributions.tasks.compare*": {"queue": "fit"},
    "contributions.tasks.assemble*": {"queue": "fit"},
    "contributions.tasks.offer*": {"queue": "fit"},
    "contributions.tasks.build*": {"queue": "builds"},
    "contributions.tasks.inspect*": {"queue": "builds"},
    "contributions.tasks.sign*": {"queue": "sign"},
    "contributions.tasks.deliver*": {"queue": "deliver"},
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_PUBLISH_RETRY = False  # the row is the queue; a page never waits for the broker
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "visibility_timeout": LONGEST_BUILD_SECONDS + 600,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 2,
        "socket_timeout": 2,
        "max_retries": 1,  # of one attempt to publish; a worker asks for its own, without end
        "interval_start": 0,
        "interval_step": 0,
    }
    if CELERY_BROKER_URL.startswith(("redis", "valkey"))
    else {}
)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 4.0
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "let-go": {"task": "contributions.tasks.let_go", "schedule": 6 * 3600},
    "forget": {"task": "contributions.tasks.deliver_no_more", "schedule": 3600},
    "ask": {"task": "contributions.tasks.ask_again", "schedule": 3600},
    "forecast": {
        "task": "contributions.tasks.forecast",
        "schedule": 3600,
    },  # what is due since the night, and what is new
    "tell": {
        "task": "contributions.tasks.deliver_told",
        "schedule": TELL_SECONDS,
        "options": {"expires": TELL_SECONDS},
    },
    "sweep": {
        "task": "contributions.tasks.sweep",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "watch": {
        "task": "contributions.tasks.watch",
        "schedule": WATCH_SECONDS,
        "options": {"expires": WATCH_SECONDS},
    },
    "read": {
        "task": "contributions.tasks.read_words",
        "schedule": 5,  # seconds until what was written is found by its words
        "options": {"expires": 5},
    },
    "seal": {
        "task": "contributions.tasks.sign_history",
        "schedule": SEAL_SECONDS,
        "options": {"expires": SEAL_SECONDS},
    },
}

# What the operator reads
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["stderr"],
        "level": environment.choice("PATCHBAY_LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"]),
    },
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}

environment.refuse_strangers()
