"""What a public host must not be run with is refused or told by name."""

import pytest
from django.core.checks import Tags, run_checks

pytestmark = pytest.mark.once
SOUND = {
    "DEBUG": False,
    "SECRET_KEY": "".join(chr(33 + number % 90) for number in range(60)),
    "ALLOWED_HOSTS": ["tvm.example.org"],
    "SECURE_SSL_REDIRECT": True,
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "SECURE_HSTS_SECONDS": 31536000,
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
    "SECURE_HSTS_PRELOAD": True,
}


@pytest.fixture
def told(settings):
    """The ids of what `check --deploy` complains of, once these are set."""

    def ask(**changes) -> set[str]:
        for name, value in (SOUND | changes).items():
            setattr(settings, name, value)
        return {found.id for found in run_checks(tags=[Tags.security], include_deployment_checks=True)}

    return ask


@pytest.mark.security(id="S28")
def test_what_a_public_host_sets_is_sound(told):
    assert told() == set()


@pytest.mark.security(id="S28")
@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("DEBUG", True, "security.W018"),
        ("SECRET_KEY", "secret", "security.W009"),
        ("SECRET_KEY", "django-insecure-" + SOUND["SECRET_KEY"], "security.W009"),
        ("SECRET_KEY", "x" * 60, "security.W009"),
        ("ALLOWED_HOSTS", [], "security.W020"),
        ("SECURE_SSL_REDIRECT", False, "security.W008"),
        ("SESSION_COOKIE_SECURE", False, "security.W012"),
        ("CSRF_COOKIE_SECURE", False, "security.W016"),
        ("SECURE_HSTS_SECONDS", 0, "security.W004"),
        ("X_FRAME_OPTIONS", "SAMEORIGIN", "security.W019"),
    ],
)
def test_what_is_unsound_is_told(told, name, value, complaint):
    assert told(**{name: value}) == {complaint}
