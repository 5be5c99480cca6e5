"""Settings: read from the environment, in labelled blocks; a missing or odd value stops the start with a sentence."""

import os
from pathlib import Path
from zoneinfo import available_timezones

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from .clouds import microsoft_settings
from .configmgr import configmgr_settings
from .environment import feed_url, one_of, read_secret, url_without_trailing_slash
from .retention import days_kept
from .sign_in import sign_in_settings

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# --- Where state lives ------------------------------------------------------------------------------------------------
DATA_DIR = Path(env.str("TVM_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()

# `manage.py run` leaves the environment of its children here, so that a command typed in a second terminal
# (`manage.py sync`) talks to the same database, broker and sandbox. A configured environment never reads it.
if "SECRET_KEY" not in os.environ and "SECRET_KEY_FILE" not in os.environ:
    env.read_env(str(DATA_DIR / "run.env"), overwrite=False)

# --- Identity and trust -----------------------------------------------------------------------------------------------
SECRET_KEY = read_secret("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Set it to 50 or more random characters, or start with `make run`."
    )
# The first key signs markers and seals the audit trail; the others still verify what they signed.
SIGNING_KEYS = [key for key in read_secret("SIGNING_KEYS").split(",") if key] or [SECRET_KEY]
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Behind a proxy that ends TLS, or in a plain-HTTP laboratory. On the loopback there is no TLS to insist on.
HTTPS = env.bool("HTTPS", default=bool(CSRF_TRUSTED_ORIGINS))
# Where links in tickets lead. Falls back to the first allowed host.
SITE_URL = url_without_trailing_slash("SITE_URL", default=f"http://localhost:{env.str('PORT', default='8000')}")

# --- Applications -----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "tvm_remediation",
    "dashboard",
    "integrations",
    "remediation",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "axes",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_filters",
    "django_htmx",
    "django_tables2",
]

MIDDLEWARE = [
    "tvm_remediation.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tvm_remediation.requests.ReaderMiddleware",
    "tvm_remediation.access.AccessMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "tvm_remediation.urls"
WSGI_APPLICATION = "tvm_remediation.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
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
                "dashboard.frame.frame",
            ],
            "builtins": ["dashboard.templatetags.cells"],
        },
    },
]
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"

# --- Database ---------------------------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'tvm.sqlite3'}")}
_database = DATABASES["default"]
_database["ATOMIC_REQUESTS"] = False
if _database["ENGINE"] == "django.db.backends.sqlite3":
    _database["OPTIONS"] = {
        # Two writers under the default, deferred, mode fail at once with "database is locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: losing the commit that says "about to send" could mean sending twice.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;",
    }
else:
    _database["ENGINE"] = "tvm_remediation.postgresql"
    _database["OPTIONS"] = {
        "pool": {"min_size": 1, "max_size": 16, "timeout": 10},
        # Compiling a page's query takes longer than running it.
        "options": "-c jit=off",
    } | _database.get("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Broker, workers, cache -------------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="redis://127.0.0.1:6379/0")
CACHE_URL = env.str("CACHE_URL", default="")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE_URL}
    if CACHE_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# --- Microsoft --------------------------------------------------------------------------------------------------------
MICROSOFT = microsoft_settings(env)
CONFIGMGR = configmgr_settings(env, MICROSOFT)
MICROSOFT_SIGN_IN = sign_in_settings(env, MICROSOFT)

# --- Published facts about weaknesses; an empty address switches one off ----------------------------------------------
EPSS_URL = feed_url("EPSS_URL", "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz")
KEV_URL = feed_url("KEV_URL", "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json")
FEEDS_CA_BUNDLE = env.str("FEEDS_CA_BUNDLE", default="")

# --- Delivery: seconds, except where the name says otherwise ----------------------------------------------------------
DELIVERY_LEASE = env.float("DELIVERY_LEASE", default=120)
DELIVERY_CONNECT_TIMEOUT = env.float("DELIVERY_CONNECT_TIMEOUT", default=5)
DELIVERY_READ_TIMEOUT = env.float("DELIVERY_READ_TIMEOUT", default=20)
DELIVERY_TOTAL_DEADLINE = env.float("DELIVERY_TOTAL_DEADLINE", default=30)
# What must be left of a lease beyond the longest possible request.
DELIVERY_MARGIN = env.float("DELIVERY_MARGIN", default=10)
DELIVERY_QUARANTINE = env.float("DELIVERY_QUARANTINE", default=300)
DELIVERY_LISTING_GAP = env.float("DELIVERY_LISTING_GAP", default=60)
DELIVERY_SWEEP = env.float("DELIVERY_SWEEP", default=30)
DELIVERY_BACKOFF_BASE = env.float("DELIVERY_BACKOFF_BASE", default=5)
DELIVERY_BACKOFF_CAP = env.float("DELIVERY_BACKOFF_CAP", default=3600)
DELIVERY_PROBE = env.float("DELIVERY_PROBE", default=60)
DELIVERY_POLL = env.float("DELIVERY_POLL", default=60)
# Requests under way at once in one task of delivery, each on a thread; 0: one after the other, without one.
DELIVERY_THREADS = env.int("DELIVERY_THREADS", default=4)
# Writing requests to Graph in 20 seconds, its documented limit of one application; 0 for none of ours.
DELIVERY_GRAPH_WRITES = env.int("DELIVERY_GRAPH_WRITES", default=100)
DELIVERY_MAXIMUM_ATTEMPTS = env.int("DELIVERY_MAXIMUM_ATTEMPTS", default=12)
if DELIVERY_TOTAL_DEADLINE + DELIVERY_MARGIN >= DELIVERY_LEASE:
    raise ImproperlyConfigured("DELIVERY_TOTAL_DEADLINE and DELIVERY_MARGIN must be shorter than DELIVERY_LEASE.")
if DELIVERY_THREADS < 0 or DELIVERY_GRAPH_WRITES < 0:
    raise ImproperlyConfigured("DELIVERY_THREADS and DELIVERY_GRAPH_WRITES must be 0 or more.")

# --- Sync -------------------------------------------------------------------------------------------------------------
# Seconds between full passes, and between passes over the changes; 0 for none of these.
SYNC_EVERY = env.float("SYNC_EVERY", default=3600)
DELTA_EVERY = env.float("DELTA_EVERY", default=900)
# How the large lists are read: by pages, by files, or by what the number of devices advises.
DEFENDER_EXPORT = env.str("DEFENDER_EXPORT", default="auto")
if DEFENDER_EXPORT not in {"auto", "pages", "files"}:
    raise ImproperlyConfigured(f"DEFENDER_EXPORT is {DEFENDER_EXPORT!r}. It must be one of: auto, pages, files.")
if DELTA_EVERY < 0:
    raise ImproperlyConfigured("DELTA_EVERY must be 0 or more.")

# --- Exceptions -------------------------------------------------------------------------------------------------------
# Whether somebody else has to approve: never, always, or above so many days or from a severity on.
EXCEPTION_APPROVAL = one_of("EXCEPTION_APPROVAL", ("never", "always", "above"), default="always")
EXCEPTION_APPROVAL_DAYS = env.int("EXCEPTION_APPROVAL_DAYS", default=30)
EXCEPTION_APPROVAL_SEVERITY = one_of("EXCEPTION_APPROVAL_SEVERITY", ("", "low", "medium", "high", "critical"), "")
# An exception is void once its impact is more than this share above what was decided on; 0 for never.
EXCEPTION_RESURFACE = env.float("EXCEPTION_RESURFACE", default=0.5)
if EXCEPTION_APPROVAL_DAYS < 0 or EXCEPTION_RESURFACE < 0:
    raise ImproperlyConfigured("EXCEPTION_APPROVAL_DAYS and EXCEPTION_RESURFACE must be 0 or more.")

# --- People -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "remediation.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "tvm_remediation.permissions.PermissionsBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
# By name and address together: nobody can lock somebody else out from elsewhere.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_VERBOSE = False
# Its own pages would let records of sign-ins be deleted: see integrations.admin.
AXES_ENABLE_ADMIN = False
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# --- Browser security -------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        # To sign out leads on to Microsoft, where people have signed in there.
        "form-action": [SELF, *MICROSOFT_SIGN_IN.origins],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("TRUST_PROXY", default=False) else None
CSRF_FAILURE_VIEW = "tvm_remediation.errors.csrf_failure"

# --- Language, time, static files -------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
if TIME_ZONE not in available_timezones():
    raise ImproperlyConfigured(f"TIME_ZONE is {TIME_ZONE!r}, which is no IANA zone. An example: Europe/Berlin.")
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = True
LOCALE_PATHS = [BASE_DIR / "locale"]
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Health and metrics -----------------------------------------------------------------------------------------------
# Sent as a bearer by who scrapes `/metrics`. Without one only this host may, and only where no proxy stands before us.
METRICS_TOKEN = read_secret("METRICS_TOKEN")
# Probes speak plain HTTP to the process itself; a redirect would look like health.
SECURE_REDIRECT_EXEMPT = ["^livez$", "^readyz$", "^metrics$"]

# --- Retention --------------------------------------------------------------------------------------------------------
KEEP = days_kept(env)

# --- Logging ----------------------------------------------------------------------------------------------------------
LOGGING_CONFIG = "tvm_remediation.logs.configure"
LOGGING = {"level": env.str("LOG_LEVEL", default="INFO"), "json": env.bool("LOG_JSON", default=not DEBUG)}
