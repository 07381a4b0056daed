"""No command needs what only Unix has. This is no test on Windows."""

from __future__ import annotations

import json
from pathlib import Path

from cci_migrate.cli.batch import batch
from cci_migrate.cli.main_command import SUBCOMMANDS
from tests.cli.conftest import put
from tests.interactive.conftest import CONFIG, POLICY
from tests.processes import git, ran_python

#: Runs commands with what only Unix has taken away from the modules of the package; those of others
#: look at the system themselves. https://docs.python.org/3/library/unix.html
RUN = """
import builtins, importlib, json, os, pkgutil, signal, sys, traceback, types

unix = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
missing = {
    "os": "chown fchmod fchown fork forkpty geteuid getegid getgid getuid getpgid killpg mkfifo "
    "setsid sync sysconf uname wait4 O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK",
    "signal": "ITIMER_PROF ITIMER_REAL SIGALRM SIGHUP SIGKILL SIGPROF SIGXCPU alarm pthread_kill "
    "setitimer",
}
without = {}
for name, attributes in missing.items():
    without[name] = types.ModuleType(name)
    vars(without[name]).update(vars(sys.modules[name]))
    for attribute in attributes.split():
        delattr(without[name], attribute)
vars(without["os"]).update(supports_dir_fd=set(), supports_fd={os.stat})
real = builtins.__import__

def importing(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {}).get("__name__") or ""
    if importer.split(".")[0] == "cci_migrate":
        if name in unix:
            raise ImportError(f"{name} is imported by {importer}")
        if name in without:
            return without[name]
    return real(name, globals, locals, fromlist, level)

builtins.__import__ = importing

import cci_migrate
from cci_migrate.__main__ import main

for module in pkgutil.walk_packages(cci_migrate.__path__, "cci_migrate."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
importlib.import_module("cci_migrate.workers.limited_work")._address_space = lambda: None  # /proc
for words in json.loads(sys.argv[1]):
    pid = os.fork()
    if not pid:
        sys.argv[1:] = words
        code = 99
        try:
            code = main()
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(code)
    print("END", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), *words, flush=True)
"""

#: Each command, with the exit code that it ends with.
COMMANDS = (
    (1, "--check", "--output", "o"),
    (1, "--check", "--format", "json", "--output", "o"),
    (0, "--check", "--write-baseline", "base.json"),
    (0, "--check", "--baseline", "base.json", "--output", "o"),
    (2, "--interactive"),
    (2, "init"),
    (1, "explain", "--format", "json"),
    (0, "rules"),
    (0, "rule", "missing-context"),
    (0, "completion", "powershell"),
    (0, "schema", "policy"),
    (0, "policy", "export", "--rego", "../rego"),
    (1, "lsp"),
    (2, "doctor", "--org", "gh/acme"),
    (2, "context", "create", "--org", "gh/acme"),
    (2, "verify", "none.yml"),
    (1, "batch", "plan", "..", "--campaign", "../c"),
    (1, "batch", "status", "--campaign", "../c"),
    (0, "batch", "diff", "--campaign", "../c", "--stat"),
    (0, "batch", "approve", "--campaign", "../c", "--all"),
    (2, "batch", "export", "--campaign", "../c", "--sourcegraph", "--container", "x"),
    (0, "batch", "report", "--campaign", "../c", "--html", "../report.html"),
    (0, "batch", "apply", "--campaign", "../c"),
    (0, "batch", "comment", "--campaign", "../c", "--message", "Hello"),
    (0, "batch", "merge-when-green", "--campaign", "../c"),
    (0, "batch", "watch", "--campaign", "../c"),
    (1, "batch", "close", "--campaign", "../c"),
    (0, "batch", "revert", "--campaign", "../c"),
    (0, "batch", "merge", "--campaign", "../d", "../c"),
    (0,),
    (0, "--check"),
    (0, "--revert"),
)


def test_no_command_is_left_out() -> None:
    used = {words[0] for _, *words in COMMANDS if words}
    assert used >= SUBCOMMANDS.keys()
    assert {words[1] for _, *words in COMMANDS if words[:1] == ["batch"]} == batch.commands.keys()


def test_every_command_without_what_only_unix_has(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    config = CONFIG.replace("\n", "\r\n")
    put(checkout / ".circleci" / "config.yml", config)
    put(checkout / ".cci-migrate.toml", POLICY)
    for words in (("init",), ("add", "-A"), ("commit", "-m", "All")):
        git(checkout, *words)
    done = ran_python("-c", RUN, json.dumps([words for _, *words in COMMANDS]), cwd=checkout)
    assert "Traceback" not in done.stderr, done.stderr
    assert "internal error" not in done.stdout + done.stderr, done.stderr
    ends = [line.removeprefix("END ") for line in done.stdout.splitlines() if line[:4] == "END "]
    assert ends == [" ".join(map(str, command)) for command in COMMANDS], done.stderr
    assert (checkout / ".circleci" / "config.yml").read_bytes() == config.encode()
