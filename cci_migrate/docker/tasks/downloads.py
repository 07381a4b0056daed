"""Scripts and programs that steps download: they can't be read, but many are well known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from cci_migrate.docker.word_sets import names

#: The command of a shell that is sent a script: ``curl -s https://example.com/run | bash``.
DOWNLOADED_SCRIPT = "curl | sh"

#: Hosts whose scripts only install something, or send what a coverage tool has counted.
_HOSTS = re.compile(
    r"https?://(?:(?:get|install|sh|deb|rpm|sdk|cli|uploader)\.[\w.-]+|(?:www\.)?codecov\.io|aka\.ms)(?:[/\s\"')]|$)"
)
#: Names of scripts that install something.
_INSTALLS = re.compile(
    r"(?:^|[/_.-])(?:install(?:er)?|bootstrap|rustup-init|get[-_](?:cli|docker|helm|pip|poetry|earthly)"
    r"|(?:ana|mini|mamba)?(?:conda|forge)\d?|cmake-\d|codecov|cc-test-reporter|coveralls)",
    re.IGNORECASE,
)
#: Programs that are mostly downloaded into the checkout, and use no Docker.
_PROGRAMS = names(
    "codecov codecov-linux cc-test-reporter coveralls coveralls-linux test-reporter gotestsum"
    " golangci-lint shellcheck shfmt hadolint actionlint kubectl helm terraform tflint tfsec"
    " dockerize jq yq buf protoc ninja nuget.exe vault nomad consul sops age composer"
    " composer.phar phpunit phpunit.phar setup.py ez_setup.py get-pip.py"
)
_COMMAND = re.compile(r"(?<![\w./-])(curl|wget)\b((?:[^\n;|&\\]|\\.|\\\n|&(?!&))*)", re.DOTALL)
#: Where each of them writes to: `curl -O` takes no value.
_TARGETS = {
    "curl": re.compile(r"(?:\s-[A-Za-z]*o[ \t]*|\s--output[ \t=]+|>[ \t]*)[\"']?([^\s\"']+)"),
    "wget": re.compile(
        r"(?:\s-[A-Za-z]*O[ \t]*|\s--output-document[ \t=]+|>[ \t]*)[\"']?([^\s\"']+)"
    ),
}
_DOWNLOADS = re.compile(r"\b(?:curl|wget)\b")
_ADDRESS = re.compile(r"https?://[^\s\"')]+")


def is_program_without_docker(path: str) -> bool:
    """Whether the program that ``path`` names is known to use no Docker."""
    return path.rpartition("/")[2].removesuffix(".exe") in _PROGRAMS


def is_download_without_docker(address: str) -> bool:
    """Whether what comes from ``address``, a URL, is known to use no Docker.

    One that installs something counts as such: it starts nothing.
    """
    if is_program_without_docker(address) or _HOSTS.match(address) is not None:
        return True
    return _INSTALLS.search(address.partition("?")[0]) is not None


def may_download(command: str) -> bool:
    """Whether ``command`` may print what it downloads."""
    return _DOWNLOADS.search(command) is not None


def address_in(command: str) -> str:
    """The first URL in ``command``, all of it if there is none."""
    address = _ADDRESS.search(command)
    return command if address is None else address[0]


@lru_cache(maxsize=256)
def downloads_in(text: str) -> Mapping[str, str]:
    """The files that the script ``text`` downloads with curl or wget: their names, and the URLs."""
    downloads: dict[str, str] = {}
    for command in _COMMAND.finditer(text):
        address = _ADDRESS.search(command[2])
        if address is not None:
            target = _TARGETS[command[1]].search(command[2])
            path = address[0].partition("?")[0] if target is None else target[1]
            downloads[path.rpartition("/")[2]] = address[0]
    return downloads
