from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RemediationConfig(AppConfig):
    name = "remediation"
    verbose_name = "Remediation"

    def ready(self) -> None:
        from .roles import create_missing_roles

        # The one place that Django offers for "after the permissions exist".
        post_migrate.connect(create_missing_roles, sender=self)
