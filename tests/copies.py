"""Many rows like one: for runs that need thousands and cannot wait for the rule to make each."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model


def copied(row: Model, **changes: Any) -> Any:
    """A new row with the same values but for the changes."""
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    values.pop("id", None)
    return type(row)(**values | changes)


def insert(rows: Iterable[Model]) -> list:
    made = list(rows)
    return type(made[0])._default_manager.bulk_create(made, batch_size=500) if made else []
