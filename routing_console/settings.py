"""The one settings file; values that differ between installations come from the environment (see docs/settings.md)."""

from __future__ import annotations

import ipaddress
import secrets
import sys
import warnings
from pathlib import Path
from typing import Any

import environ
from cryptography.fernet import Fernet
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from routing_console.bootstrap import kept_secret, private_file, private_folder
from routing_console.logs import logging_config
from routing_console.transfer.file_addresses import content_hash, is_hashed

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

DATA_DIR = Path(env.str("ROUTING_CONSOLE_DATA", default=str(BASE_DIR / "var"))).resolve()
private_folder(DATA_DIR, is_ours=DATA_DIR == BASE_DIR / "var")
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", HOST])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

SHORTEST_MASTER_KEY = 20
SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret(DATA_DIR, "secret_key", lambda: secrets.token_urlsafe(48))
MASTER_KEY = env.str("ROUTING_CONSOLE_MASTER_KEY", default="") or kept_secret(
    DATA_DIR, "master_key", lambda: "sk-rc-master-" + secrets.token_urlsafe(24)
)
if len(MASTER_KEY) < SHORTEST_MASTER_KEY:
    raise ImproperlyConfigured(
        f"ROUTING_CONSOLE_MASTER_KEY: give it {SHORTEST_MASTER_KEY} characters or more: it opens all doors. Make one "
        "with python -c 'import secrets; print(secrets.token_urlsafe(32))'"
    )
ENCRYPTION_KEYS = env.list("ENCRYPTION_KEYS", default=[]) or [
    kept_secret(DATA_DIR, "encryption_key", lambda: Fernet.generate_key().decode())
]
for _number, _key in enumerate(ENCRYPTION_KEYS, start=1):
    try:
        Fernet(_key)
    except ValueError:
        raise ImproperlyConfigured(
            f"ENCRYPTION_KEYS: entry {_number} is not a Fernet key (32 bytes, url-safe base64). Make one with "
            "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
        ) from None

DEMO = env.bool("ROUTING_CONSOLE_DEMO", default=False)
ALLOW_PRIVATE_UPSTREAMS = env.bool("ROUTING_CONSOLE_ALLOW_PRIVATE_UPSTREAMS", default=False)
PROBE_INTERVAL_S = env.float("PROBE_INTERVAL_S", default=300.0)
STANDBY_PROOF_HOURS = env.float("STANDBY_PROOF_HOURS", default=6.0)
STATUS_PAGES_INTERVAL_S = env.float("STATUS_PAGES_INTERVAL_S", default=0.0)
GROUP_FAILING_RULE = env.str("GROUP_FAILING_RULE", default="5% of 20 in 60 s, 50% of 5 in 600 s")
ALERT_WEBHOOK_URL = env.str("ALERT_WEBHOOK_URL", default="")
ALERT_WEBHOOK_SECRET = env.str("ALERT_WEBHOOK_SECRET", default="")
if _mail := env.str("EMAIL_URL", default=""):
    vars().update(env.email_url_config(_mail))
else:
    EMAIL_HOST = ""
EMAIL_TIMEOUT = 10
ALERT_EMAIL_FROM = env.str("ALERT_EMAIL_FROM", default="routing-console@localhost")
ATTEMPTS_RETENTION_HOURS = env.int("ATTEMPTS_RETENTION_HOURS", default=720)
STORED_RESPONSES_DAYS = env.int("STORED_RESPONSES_DAYS", default=30)
SHARED_PROVIDER_ACCOUNTS = env.bool("SHARED_PROVIDER_ACCOUNTS", default=False)
CREDIT_HOLD_OUTPUT_TOKENS = env.int("CREDIT_HOLD_OUTPUT_TOKENS", default=4096)
REQUEST_DEADLINE_S = env.float("REQUEST_DEADLINE_S", default=600.0)
SHUTDOWN_NOTICE_S = env.float("SHUTDOWN_NOTICE_S", default=0.0)
SHUTDOWN_GRACE_S = env.float("SHUTDOWN_GRACE_S", default=30.0)
REHEARSAL_WORKERS = env.int("REHEARSAL_WORKERS", default=2)
REHEARSAL_SEEDS = env.int("REHEARSAL_SEEDS", default=10)
REHEARSAL_SILENCE_S = env.float("REHEARSAL_SILENCE_S", default=60.0)
RUNS_RETENTION_DAYS = env.int("RUNS_RETENTION_DAYS", default=30)
REAL_RUN_MAX_REQUESTS = env.int("REAL_RUN_MAX_REQUESTS", default=200)
MAX_REQUEST_MB = env.int("MAX_REQUEST_MB", default=32)
MAX_BUFFERED_MB = env.int("MAX_BUFFERED_MB", default=512)
MAX_CONNECTIONS = env.int("MAX_CONNECTIONS", default=5000)
HEAD_DEADLINE_S = env.float("HEAD_DEADLINE_S", default=20.0)
BODY_DEADLINE_S = env.float("BODY_DEADLINE_S", default=60.0)
CORS_ORIGINS = env.list("CORS_ORIGINS", default=[])
MAX_ANSWER_MB = env.int("MAX_ANSWER_MB", default=64)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_REQUEST_MB * 1024 * 1024
# The longest forms: 500 aliases with two fields each, 100 deployments with ten.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3000

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "template_partials",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "csp",
    "axes",
    "auditlog",
    "providers",
    "access",
    "groups",
    "interchange",
    "usage",
    "gateway",
    "tester",
    "pages",
]
# Its app is for `manage.py runserver`; what it imports takes 20 MB, which no worker of uvicorn needs.
if "uvicorn" in sys.modules:
    INSTALLED_APPS.remove("daphne")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "routing_console.guard.headers.permissions_policy",
    "routing_console.chunked.length_of_chunked_bodies",
    "routing_console.transfer.compression.Compression",
    "routing_console.transfer.static_files.StaticFiles",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
APPEND_SLASH = False

ROOT_URLCONF = "routing_console.urls"
ASGI_APPLICATION = "routing_console.asgi.application"

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
                "pages.shell.shell",
            ]
        },
    }
]

# In seconds, the last in milliseconds: a server that is gone without a word is noticed. DATABASE_URL may say otherwise.
SILENT_CONNECTIONS_END = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"


def _database() -> dict[str, Any]:
    """DATABASE_URL for Django, with the options that each engine needs under ASGI."""
    url = env.str("DATABASE_URL", default="") or f"sqlite:///{DATA_DIR / 'routing_console.sqlite3'}"
    with warnings.catch_warnings(action="ignore"):  # it would print a password
        config: dict[str, Any] = dict(env.db_url_config(url))
    engine = config.get("ENGINE", "")  # none where there is no scheme
    if engine.endswith("sqlite3"):
        if (path := Path(config["NAME"])).is_absolute() and path.parent.is_dir():
            private_file(path)
        config["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": SQLITE_PRAGMAS}
    elif engine.endswith("postgresql"):
        config["ENGINE"] = "routing_console.postgresql"
        # Short waits: who waits for longer asks first whether there is a server (see the backend).
        pool = {"min_size": 2, "max_size": env.int("DATABASE_POOL_SIZE", default=20)}
        config["OPTIONS"] = {
            **SILENT_CONNECTIONS_END,
            **config.get("OPTIONS", {}),
            "pool": {**pool, "timeout": 0.5, "reconnect_timeout": 0.5},
        }
        config["CONN_MAX_AGE"], config["CONN_HEALTH_CHECKS"] = 0, True
    else:
        raise ImproperlyConfigured("DATABASE_URL: use sqlite:///path or postgres://user:password@host:port/name.")
    return config


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
RATE_LIMITS_WITHOUT_REDIS = env.str("RATE_LIMITS_WITHOUT_REDIS", default="open")
if RATE_LIMITS_WITHOUT_REDIS not in ("open", "closed"):
    raise ImproperlyConfigured("RATE_LIMITS_WITHOUT_REDIS: open or closed.")
CHANNEL_LAYERS: dict[str, Any] = {
    "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = [
    # First, so that nobody who guesses passwords of `admin` locks out the master key, which can't be guessed.
    "access.backends.MasterKeyBackend",
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("SECURE_COOKIES", default=False)
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=31_536_000 if SESSION_COOKIE_SECURE else 0)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SESSION_COOKIE_SECURE else None
X_FRAME_OPTIONS = "DENY"


def _networks(name: str, given: list[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(one, strict=False) for one in given]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}. Give addresses or networks, such as 10.0.0.0/8.") from None


TRUSTED_PROXIES = _networks("TRUSTED_PROXIES", env.list("TRUSTED_PROXIES", default=[]))
FAILED_KEYS_PER_MINUTE = env.int("FAILED_KEYS_PER_MINUTE", default=30)
AXES_CLIENT_IP_CALLABLE = "access.client_address.of_request"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "pages.access.signing.locked_out"
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "access.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["access.authentication.HasRole"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["lib.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "routing_console.described_failures.TrueSchema",
    "EXCEPTION_HANDLER": "routing_console.api_errors.as_json",
    "COERCE_DECIMAL_TO_STRING": False,
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Routing Console",
    "VERSION": "0.2.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "routing_console.described_failures.add_failures",
        "gateway.api.schema.add_gateway",
    ],
    "ENUM_NAME_OVERRIDES": {
        "RunStatusEnum": "tester.models.RunStatus",
        "AlertKindEnum": "usage.models.AlertKind",
        "KeyStatusEnum": "access.models.KeyStatus",
        "TeamRoleEnum": "access.models.TeamRole",
        "RoleEnum": "access.models.Role",
        "ScopeEnum": "access.models.Scope",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/" if DEBUG else f"static/{content_hash(BASE_DIR / 'static')}/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # files are served in place; nothing to collect
WHITENOISE_IMMUTABLE_FILE_TEST = is_hashed

OTEL_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", default="") or env.str(
    "OTEL_EXPORTER_OTLP_ENDPOINT", default=""
)
# The SDK reads these and all other OTEL_* itself; here it is decided whether it is imported at all.
TRACING = (
    bool(OTEL_ENDPOINT)
    and not env.bool("OTEL_SDK_DISABLED", default=False)
    and env.str("OTEL_TRACES_EXPORTER", default="otlp") != "none"
)
CAPTURE_CONTENT = env.bool("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", default=False)
METRICS_KEY = env.str("METRICS_KEY", default="")
METRICS_HOST = env.str("METRICS_HOST", default="127.0.0.1")
METRICS_PORT = env.int("METRICS_PORT", default=0)
METRICS_MAX_SERIES = env.int("METRICS_MAX_SERIES", default=500)
LOG_MESSAGE_PREVIEW = env.bool("LOG_MESSAGE_PREVIEW", default=False)
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = logging_config(
    level=LOG_LEVEL,
    as_json=env.bool("LOG_JSON", default=False),
    tells_requests=env.bool("LOG_REQUESTS", default=True),
)
