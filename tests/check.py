"""The checks that need no test: python -m tests.check. `make check` calls it. One failure does not stop the others."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def main() -> int:
    manage = [sys.executable, "manage.py"]
    checks = {
        # Installing asks for nothing but what the lock names, so the lock has to be whole.
        "lock": [sys.executable, "-m", "pip", "check"],
        "lint": [sys.executable, "-m", "ruff", "check", "."],
        "format": [sys.executable, "-m", "ruff", "format", "--check", "."],
        "types": [sys.executable, "-m", "mypy"],
        "templates": [str(Path(sys.executable).with_name("djade")), "--check", *templates()],
        "migrations": [*manage, "makemigrations", "--check", "--dry-run"],
        "system": [*manage, "check", "--fail-level", "WARNING"],
        "deployment": [*manage, "check", "--deploy", "--fail-level", "WARNING"],
    }
    failed = []
    for name, command in checks.items():
        print(f"=== {name} ===", flush=True)
        if subprocess.run(command, cwd=PROJECT, env=os.environ | environment(name)).returncode:
            failed.append(name)
    print(f"Failed: {', '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def environment(check: str) -> dict[str, str]:
    """The tests' settings, or for a deployment the product's own with what a public host sets."""
    if check != "deployment":
        return {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    return {
        "DJANGO_SETTINGS_MODULE": "tvm_remediation.settings",
        "SECRET_KEY": secrets.token_hex(30),
        "HTTPS": "true",
        "ALLOWED_HOSTS": "tvm.example.org",
        "CSRF_TRUSTED_ORIGINS": "https://tvm.example.org",
        "DEBUG": "false",
    }


def templates() -> list[str]:
    found = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.html"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [path for path in found.stdout.split() if (PROJECT / path).exists()]
    # The sandbox's pages are no Django templates.
    return [path for path in paths if not path.startswith("integrations/sandbox/")]


if __name__ == "__main__":
    sys.exit(main())
