"""What changes with the published numbers alone is worked out once for each selection of device groups."""

from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar, cast

from django.core.cache import cache
from django.utils import timezone

from .groups import selection
from .numbers import numbers
from .requests import Request

KEEP = 3600
Answer = TypeVar("Answer")


def published(request: Request, name: str, make: Callable[[], Answer]) -> Answer:
    """What `make` returned when it was first asked for since the last publication, and since midnight."""
    at, groups = numbers(request)["frame_published_at"], selection(request)
    if at is None:
        return make()
    chosen = "all" if groups.is_whole_organisation else "-".join(map(str, groups.ids))
    key = sha256(f"{name}:{chosen}".encode()).hexdigest()
    kept = cache.get_or_set(f"published:{at.timestamp()}:{timezone.localdate()}:{key}", make, KEEP)
    return cast(Answer, kept)
