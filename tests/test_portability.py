"""Nothing that only Unix has is needed to import the package."""

from __future__ import annotations

import subprocess
import sys

#: https://docs.python.org/3/library/unix.html
UNIX_ONLY = ("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty")

IMPORT_ALL = f"""
import builtins, importlib, pkgutil, sys
import cci_migrate
real = builtins.__import__

def importing(name, globals=None, locals=None, fromlist=(), level=0):
    package = (globals or {{}}).get("__package__") or ""
    if name in {UNIX_ONLY!r} and package.split(".")[0] == "cci_migrate":
        raise ImportError(f"{{name}} is imported by {{globals['__name__']}}")
    return real(name, globals, locals, fromlist, level)

builtins.__import__ = importing
names = [m.name for m in pkgutil.walk_packages(cci_migrate.__path__, "cci_migrate.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""


def test_no_module_needs_what_only_unix_has_to_be_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert int(done.stdout) > 200
