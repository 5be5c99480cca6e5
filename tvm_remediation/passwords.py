"""Words of this very place, which anybody would try first."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# The product, whom it talks to, and its roles.
WORDS = (
    *("tvm", "threat", "vulnerability", "remediation", "exposure", "defender", "intune", "microsoft"),
    *("security", "administrator", "admin", "viewer", "approver", "password"),
)
# What has to be left of a password without them.
LEAST = 8
_SHORTEST_LABEL = 4


class OwnWordsValidator:
    """A password may hold such words, but there must be enough beside them."""

    def validate(self, password: str, user: object = None) -> None:
        left = password.casefold()
        for word in sorted({*WORDS, *_labels_of_the_site()}, key=len, reverse=True):
            left = left.replace(word, "")
        if len(left) < LEAST:
            raise ValidationError(
                _("This password is little more than the name of the product, of a role or of this site."),
                code="password_of_own_words",
            )

    def get_help_text(self) -> str:
        return _("Your password must be more than the name of the product, of a role or of this site.")


def _labels_of_the_site() -> set[str]:
    """Of `tvm.contoso.example`: contoso and example."""
    hosts = [urlsplit(settings.SITE_URL).hostname or "", *settings.ALLOWED_HOSTS]
    labels = {label.casefold() for host in hosts for label in host.split(".")}
    return {label for label in labels if len(label) >= _SHORTEST_LABEL and not label.isdigit()}
