"""Passwords that anybody would try at this very place."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def site(settings):
    settings.SITE_URL = "https://tvm.contoso.example"
    settings.ALLOWED_HOSTS = ["tvm.contoso.example", ".Fabrikam.example", "*"]


@pytest.mark.parametrize(
    "password",
    ["Remediation2026!", "TVM-Security-Team", "Contoso-TVM-2026", "fabrikam1234567", "Administrator Admin"],
)
def test_little_more_than_names_is_refused(password):
    with pytest.raises(ValidationError, match="little more than the name"):
        validate_password(password)


@pytest.mark.parametrize("password", ["correct horse battery", "my remediation is a horse", "contoso-a-very-long-one"])
def test_a_name_among_other_words_is_taken(password):
    validate_password(password)
