"""Every address of the product, by the name of its route."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver


def routes(patterns: list | None = None, namespace: str = "", path: str = "/") -> Iterator[tuple[str, str, URLPattern]]:
    """Name, path and pattern of each."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        here = f"{path}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from routes(pattern.url_patterns, inner, here)
        else:
            yield f"{namespace}{pattern.name or ''}", here, pattern


def _is_of_the_admin(name: str) -> bool:
    return name.startswith("admin:")


# Name -> path.
OURS = {name: path for name, path, _ in routes() if not _is_of_the_admin(name)}
OF_THE_ADMIN = {name: pattern for name, _, pattern in routes() if _is_of_the_admin(name)}
