from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RemediationConfig(AppConfig):
    name = "remediation"
    verbose_name = "Remediation"

    def ready(self) -> None:
        from .audit_guard import guard
        from .roles import create_missing_roles

        # The one place that Django offers for "after the permissions exist", and after each migration.
        post_migrate.connect(create_missing_roles, sender=self)
        post_migrate.connect(guard, sender=self)
