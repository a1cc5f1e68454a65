"""All settings, driven by the environment; every one has a default that starts on one machine.

Nothing set: SQLite, files and the queue's socket under ``var/``, DEBUG off, a secret key made
once and kept in ``var/``. README.md lists the variables.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent
#: Everything the application writes: database, images, runs, logs, queue.
DATA_DIR = Path(env.text("ODONTOID_DATA_DIR", str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)


def _kept_secret(name: str) -> str:
    """The secret ``name`` from the environment, else from a file made on first use (mode 0600)."""
    value = env.text(name)
    if value:
        return value
    path = DATA_DIR / f"{name.lower()}.txt"
    try:
        with path.open("x", encoding="ascii") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text(encoding="ascii")


SECRET_KEY = _kept_secret("ODONTOID_SECRET_KEY")
#: Key of the HMACs that turn hospital ids and UIDs into pseudonyms. Losing it loses the link to
#: later deliveries of the same patients; leaking it lets ids be guessed. Apart from SECRET_KEY
#: so that one can be rotated without the other.
PSEUDONYM_KEY = _kept_secret("ODONTOID_PSEUDONYM_KEY")

DEBUG = env.flag("ODONTOID_DEBUG", False)
#: Makes a reader's worklist depend on another's acts, so that ``verify_blinding`` can be seen to find it.
PLANTED_LEAK = env.flag("ODONTOID_PLANTED_LEAK", False)
if PLANTED_LEAK and not DEBUG:
    raise ImproperlyConfigured("ODONTOID_PLANTED_LEAK breaks the blinding; it is for tests and needs DEBUG")
ALLOWED_HOSTS = env.words("ODONTOID_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.words("ODONTOID_TRUSTED_ORIGINS", [])

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "config",
    "config.accounts",
    "cohort",
    "annotation",
    "modeling",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.NoStore",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def _database(url: str) -> dict[str, object]:
    """``postgres://user:password@host:port/name`` or ``sqlite:///path``."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": parts.path,
            # IMMEDIATE takes the write lock when a transaction starts: upgrading a read
            # transaction later fails at once under WAL, whatever the busy timeout.
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    raise ImproperlyConfigured(f"DATABASE_URL: scheme {parts.scheme!r} is neither sqlite nor postgres")


DATABASES = {"default": _database(env.text("DATABASE_URL", f"sqlite://{DATA_DIR / 'odontoid.sqlite3'}"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

#: Set behind TLS (nginx in docker/compose.yml): secure cookies, HSTS, the proxy's scheme header.
HTTPS = env.flag("ODONTOID_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SAMESITE = "Lax"
# No session write per request: one page turn fetches thirty frames, and SQLite has one writer.
SESSION_SAVE_EVERY_REQUEST = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31536000
    SECURE_SSL_REDIRECT = True

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # The HTJ2K decoder is WebAssembly, compiled in a worker that carries this same header.
        "script-src": [SELF, "'wasm-unsafe-eval'"],
        "style-src": [SELF, "'unsafe-inline'"],
        "img-src": [SELF, "data:", "blob:"],
        "worker-src": [SELF, "blob:"],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
    }
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
#: Vite's output: hashed files under /assets/, index.html for every page route.
FRONTEND_DIR = BASE_DIR / "frontend" / "dist"
WHITENOISE_ROOT = FRONTEND_DIR if FRONTEND_DIR.is_dir() else None
WHITENOISE_USE_FINDERS = True  # the admin's and the API page's files, without a collectstatic step

#: De-identified DICOM, one folder a series, named by pseudonym and new UIDs.
#: Tables on their way in, with identities: each only until it is stored or left.
IMPORTS_DIR = DATA_DIR / "imports"
IMAGE_STORE_DIR = DATA_DIR / "images"
#: What machines and browsers sent, until it is ingested. It names patients; each file is deleted when its
#: outcome is recorded.
INCOMING_DIR = DATA_DIR / "incoming"
#: Nothing is received when less than this is free: the database must be able to write.
DISK_RESERVE_BYTES = env.integer("ODONTOID_DISK_RESERVE_MB", 512) * 2**20
#: ``manage.py receive_dicom``: this application's AE title and where it listens.
DICOM_AE_TITLE = env.text("ODONTOID_DICOM_AE_TITLE", "ODONTOID")
DICOM_HOST = env.text("ODONTOID_DICOM_HOST", "127.0.0.1")
DICOM_PORT = env.integer("ODONTOID_DICOM_PORT", 11112)
#: Who may send by C-STORE: AET or AET@address, comma-separated.
DICOM_PEERS = env.words("ODONTOID_DICOM_PEERS", [])
#: A series is complete when nothing was added to it for so long.
DICOM_QUIET_SECONDS = env.integer("ODONTOID_DICOM_QUIET_SECONDS", 10)
#: TOML file of the archives that images may be pulled from: docs/receiving-images.md.
PACS_NODES_FILE = env.text("ODONTOID_PACS_NODES")
RUNS_DIR = DATA_DIR / "runs"
LABEL_SETS_DIR = DATA_DIR / "label_sets"
#: Input planes by image content and preprocessing settings, shared by runs; safe to delete.
PLANES_DIR = DATA_DIR / "planes"

#: What freezing the labels trains; the real recipe unless a demo or a test asks for a small one.
DEFAULT_PROFILE = env.text("ODONTOID_DEFAULT_PROFILE", "paper")
DEFAULT_OVERRIDES = env.words("ODONTOID_DEFAULT_OVERRIDES", [])
#: A run whose worker reported nothing for so long is taken back and queued again.
RUN_LEASE_SECONDS = env.integer("ODONTOID_RUN_LEASE_SECONDS", 60)

DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 2000
FILE_UPLOAD_TEMP_DIR = str(DATA_DIR / "uploads")
Path(FILE_UPLOAD_TEMP_DIR).mkdir(exist_ok=True)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["config.accounts.permissions.Nobody"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "config.exceptions.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Odontoid",
    "DESCRIPTION": "Blinded reading, adjudication and training. Research use only, not a medical device.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # It describes the program, which is public, and tells of no row of the study.
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "RunStateEnum": "modeling.models.Run.State",
        "ImportStateEnum": "cohort.models.TableImport.State",
        "RunProfileEnum": "modeling.serializers.PROFILES",
        "ReadStatusEnum": "annotation.serializers.READ_STATUS",
        "ConsensusStatusEnum": "annotation.serializers.CONSENSUS_STATUS",
        "WhoEnum": "annotation.serializers.WHO",
        "ReviewActionEnum": "annotation.models.ReviewDecision.Action",
        "ConsensusOutcomeEnum": "annotation.models.Consensus.Outcome",
        "AttemptStateEnum": "annotation.models.QualificationAttempt.State",
        "SeriesStateEnum": "cohort.models.Series.State",
        "IngestOutcomeEnum": "cohort.serializers.INGEST_OUTCOMES",
    },
}

#: Mail server of the daily digest; without one nothing is sent.
EMAIL_HOST = env.text("ODONTOID_EMAIL_HOST")
EMAIL_PORT = env.integer("ODONTOID_EMAIL_PORT", 587)
EMAIL_USE_TLS = env.flag("ODONTOID_EMAIL_TLS", True)
EMAIL_HOST_USER = env.text("ODONTOID_EMAIL_USER")
EMAIL_HOST_PASSWORD = env.text("ODONTOID_EMAIL_PASSWORD")
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("ODONTOID_EMAIL_FROM", "odontoid@localhost")
#: Where people reach the app; the digest's link.
SITE_URL = env.text("ODONTOID_SITE_URL", "http://localhost:8000/")

#: Redis-protocol broker. The default is the embedded server that ``manage.py serve`` starts.
BROKER_SOCKET = DATA_DIR / "queue" / "valkey.sock"
REDIS_URL = env.text("REDIS_URL", f"redis+socket://{BROKER_SOCKET}")
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"modeling.tasks.train_run": {"queue": "gpu"}}
# A task that outlives the visibility timeout is handed out a second time while it still runs.
_VISIBILITY = {"visibility_timeout": 7 * 24 * 3600}
CELERY_BROKER_TRANSPORT_OPTIONS = dict(_VISIBILITY)
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = dict(_VISIBILITY)
CELERY_VISIBILITY_TIMEOUT = _VISIBILITY["visibility_timeout"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "queue" / "beat-schedule")
# A round that waits behind a long task is worth nothing by the time that the next one is due.
CELERY_BEAT_SCHEDULE = {
    "reconcile-runs": {"task": "modeling.tasks.reconcile", "schedule": 30.0},
    "reconcile-imports": {"task": "cohort.tasks.reconcile_imports", "schedule": 30.0},
    "tend-transfers": {"task": "cohort.tasks.tend", "schedule": 10.0, "options": {"expires": 10.0}},
    "draw-qualification-cases": {
        "task": "annotation.tasks.draw_qualification_cases",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    # At an hour of its own, whoever did what: its time must not tell readers of one another.
    "digests": {
        "task": "annotation.tasks.send_digests",
        "schedule": crontab(hour=str(env.integer("ODONTOID_DIGEST_HOUR", 6)), minute="0"),
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.text("ODONTOID_LOG_LEVEL", "INFO")},
    # It tells of every attribute that it copies.
    "loggers": {"highdicom": {"level": "WARNING"}},
}
