"""Makes .venv and installs a hash-locked file of requirements into it; does nothing when that is done already.

    python3 tvm_remediation/bootstrap.py requirements.txt

Runs before anything is installed, and on a Python that may be too old, so it needs nothing and is written plainly.
"""

import hashlib
import os
import subprocess
import sys

NEEDED = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
# What a file of requirements contains besides its own: installing the tests' installs the product's.
ALSO = {"requirements-dev.txt": ["requirements.txt"]}


def main(requirements):
    refuse_what_cannot_work()
    if not venv_works():
        say("Creating .venv ...")
        run([sys.executable, "-m", "venv", "--clear", VENV])
    if stamp(requirements) == fingerprint(requirements):
        return
    say("Installing %s; the first time this takes a minute or two ..." % requirements)
    pip = [PYTHON, "-m", "pip", "install", "-qq", "--no-input", "--disable-pip-version-check"]
    # Wheels only: no package's own code runs while it is installed. What is imported is compiled when it is: compiling
    # all of it here would take minutes, most of them for thousands of modules that nobody imports. The lock names every
    # package, so none is looked for besides: an older pip would otherwise stumble over a release newer than the lock.
    pip += ["--no-compile", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    run(pip + ["--requirement", os.path.join(ROOT, requirements)])
    for name in [requirements] + ALSO.get(requirements, []):
        with open(stamp_path(name), "w") as file:
            file.write(fingerprint(name))


def refuse_what_cannot_work():
    if sys.version_info < NEEDED:
        found = ".".join(str(part) for part in sys.version_info[:3])
        stop("Python 3.11 or newer is needed; this is %s. Name another one with: make PYTHON=python3.11" % found)
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        stop("Python's venv module is missing. On Debian: apt-get install python3-venv")


def venv_works():
    """A venv whose Python is gone, or another one than when it was made, is made again."""
    if not os.path.exists(PYTHON):
        return False
    ask = "import sys, pip; sys.exit(sys.version_info[:2] < %r)" % (NEEDED,)
    return subprocess.call([PYTHON, "-c", ask], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def fingerprint(requirements):
    with open(os.path.join(ROOT, requirements), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def stamp_path(requirements):
    return os.path.join(VENV, requirements + ".sha256")


def stamp(requirements):
    try:
        with open(stamp_path(requirements)) as file:
            return file.read()
    except OSError:
        return ""


def run(command):
    code = subprocess.call(command)
    if code:
        stop("That did not work (code %d): %s" % (code, " ".join(command)))


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def stop(text):
    sys.stderr.write(text + "\n")
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
