"""The vendored files are the ones that VENDOR.md names."""

import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.once

VENDOR = Path(settings.BASE_DIR) / "static/vendor"
LISTED = re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", (VENDOR / "VENDOR.md").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize(("name", "digest"), LISTED)
def test_a_vendored_file_has_its_hash(name, digest):
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest


def test_every_vendored_file_is_listed():
    assert {path.name for path in VENDOR.iterdir()} == {name for name, _ in LISTED} | {"VENDOR.md"}


def test_nothing_refers_to_a_source_map():
    assert "sourceMappingURL" not in (VENDOR / "bootstrap.min.css").read_text()
