"""What is compared of two databases: every row of every table, and everything that the schema consists of."""

import hashlib

from django.db import connection

Columns = dict[str, list[str]]

# By name: which number a permission has, depends on how often somebody began to make it.
_BY_NAME = {
    "django_content_type": "SELECT app_label, model FROM django_content_type",
    "django_migrations": "SELECT app, name FROM django_migrations",
    "auth_permission": "SELECT t.app_label, t.model, p.codename, p.name FROM auth_permission p "
    "JOIN django_content_type t ON t.id = p.content_type_id",
    "auth_group_permissions": "SELECT g.name, t.app_label, p.codename FROM auth_group_permissions x "
    "JOIN auth_group g ON g.id = x.group_id JOIN auth_permission p ON p.id = x.permission_id "
    "JOIN django_content_type t ON t.id = p.content_type_id",
}
_SCHEMA_OF = {
    "sqlite": ["SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"],
    "postgresql": [
        "SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length "
        "FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
        "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    ],
}


def columns() -> Columns:
    """The product's own tables, and what each has."""
    with connection.cursor() as cursor:
        tables = [name for name in connection.introspection.table_names(cursor) if name not in _BY_NAME]
        return {
            table: sorted(column.name for column in connection.introspection.get_table_description(cursor, table))
            for table in sorted(tables)
        }


def data(of: Columns) -> dict[str, str]:
    """A checksum of these columns of each table."""
    quoted = {table: ", ".join(map(connection.ops.quote_name, names)) for table, names in of.items()}
    return {table: _checksum(f"SELECT {names} FROM {table}") for table, names in quoted.items()}


def everything() -> dict[str, str]:
    named = {table: _checksum(query) for table, query in _BY_NAME.items()}
    schema = {f"schema {n}": _checksum(query) for n, query in enumerate(_SCHEMA_OF[connection.vendor])}
    return data(columns()) | named | schema


def _checksum(query: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows = sorted(repr(tuple(_plain(value) for value in row)) for row in cursor)
    return f"{len(rows)} rows {hashlib.sha256(chr(10).join(rows).encode()).hexdigest()[:16]}"


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value
