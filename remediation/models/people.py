"""Who uses the product, and which device groups they may see."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import AbstractUser, Permission, UserManager
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from .devices import DeviceGroup

SYSTEM_USERNAME = "system"


class Theme(models.TextChoices):
    SYSTEM = "", _("System")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


def managing_people() -> "QuerySet[Permission]":
    """The permission that makes an administrator, of whatever role or by itself."""
    return Permission.objects.filter(content_type__app_label="remediation", codename="change_user")


class PeopleManager(UserManager["User"]):
    def system(self) -> "User":
        """The actor of what the machine does. Active, so that its permissions count; cannot sign in."""
        return self.get(username=SYSTEM_USERNAME)

    def administrators(self) -> "QuerySet[User]":
        """Who can sign in and manage people: without one of them, nobody could make another."""
        decisive = managing_people().values("pk")
        may = Q(is_superuser=True) | Q(groups__permissions__in=decisive) | Q(user_permissions__in=decisive)
        able = self.filter(may, is_active=True, is_staff=True).exclude(username=SYSTEM_USERNAME)
        return able.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX, entra=None).distinct()


class User(AbstractUser):
    """A person, with the device groups that they may see and those that they chose to look at."""

    sees_all_groups = models.BooleanField(
        _("sees all device groups"), default=False, help_text=_("Also groups that a later sync brings.")
    )
    device_groups: "models.ManyToManyField[DeviceGroup, Any]" = models.ManyToManyField(
        "DeviceGroup", blank=True, related_name="+", help_text=_("Without any, nothing is seen.")
    )
    selected_groups: "models.ManyToManyField[DeviceGroup, Any]" = models.ManyToManyField(
        "DeviceGroup", blank=True, related_name="+", editable=False
    )
    theme = models.CharField(max_length=5, choices=Theme, blank=True, default=Theme.SYSTEM)
    time_zone = models.CharField(max_length=64, blank=True, default="")
    is_demo = models.BooleanField(default=False, editable=False)
    # Rises when all their open sessions end: see `remediation.rules.people.end_sessions`.
    session_generation = models.PositiveIntegerField(default=0, editable=False)

    objects: ClassVar[PeopleManager] = PeopleManager()

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def get_session_auth_hash(self) -> str:
        """What each request holds its session against. Ends it with a new password, and with a new generation."""
        return self._of_this_generation(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        return map(self._of_this_generation, super().get_session_auth_fallback_hash())

    def _of_this_generation(self, password_hash: str) -> str:
        # The first is as Django has it, so that an upgrade signs nobody out.
        return f"{password_hash}:{self.session_generation}" if self.session_generation else password_hash


class EntraPerson(models.Model):
    """Whom Microsoft Entra ID knows as this user: found by tenant and object, for names and addresses change hands."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="entra")
    tenant_id = models.UUIDField()
    object_id = models.UUIDField()
    # As Entra shows the account to people. Nothing is decided by it.
    sign_in_name = models.CharField(max_length=255, blank=True, default="")
    first_seen_at = models.DateTimeField()
    signed_in_at = models.DateTimeField()
    # Since when they have been administrator against Entra's word, because nobody else is one.
    kept_since = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("person of Microsoft Entra ID")
        verbose_name_plural = _("people of Microsoft Entra ID")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(name="entra_person_is_one_user", fields=["tenant_id", "object_id"]),
        ]

    def __str__(self) -> str:
        return self.sign_in_name or str(self.object_id)
