"""How other programs than Docker use registries: log in, pull, push, and with which credentials.

They store credentials in files of their own, or under keys that Docker doesn't read, so none of
them logs Docker in. podman and buildah share skopeo's file:
https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/8/html/building_running_and_managing_containers/.
Commands and options: https://github.com/containers/skopeo/tree/main/docs,
https://github.com/google/go-containerregistry/tree/main/cmd/crane/doc, https://oras.land/docs/,
https://helm.sh/docs/helm/, https://github.com/regclient/regclient/tree/main/docs,
https://docs.sigstore.dev/cosign/, https://ko.build/reference/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from cci_migrate.docker.container_tools import (
    CLIENTS,
    IMAGE_PROGRAMS,
    Purpose,
    RegistryClient,
    Tool,
)
from cci_migrate.docker.shell.cloud_cli import CLOUDS, cloud_login
from cci_migrate.docker.shell.command_line import CommandLine, parse
from cci_migrate.docker.shell.facts import Fact, Word
from cci_migrate.docker.shell.image_programs import image_program_facts
from cci_migrate.docker.shell.invocation import Invocation
from cci_migrate.docker.shell.login_commands import login_facts
from cci_migrate.docker.shell.registry_access import (
    client_access,
    registries_holding,
    registries_named,
    written_pair,
)
from cci_migrate.docker.word_sets import names

_VALUED = names(
    "-u --username --user -p --password --pass --authfile --compat-auth-file --cert-dir --ca-file"
    " --cert-file --key-file --registry-config --platform --creds --src-creds --screds --dest-creds"
    " --dcreds --src-username --src-password --dest-username --dest-password --src-authfile"
    " --dest-authfile --src-cert-dir --dest-cert-dir --src-registry-token --dest-registry-token"
    " --format --sign-by --retry-times --command-timeout --override-arch --override-os"
    " --override-variant --policy --registries.d --tmpdir --user-agent-prefix --digestfile"
    " --multi-arch --additional-tag --verbosity --kubeconfig --kube-context --namespace --version"
)


#: The options with the credentials for pulls, and for pushes.
_CREDENTIALS = {
    Purpose.PULL: (("--src-creds", "--screds", "--creds"), "--src-username", "--src-password"),
    Purpose.PUSH: (("--dest-creds", "--dcreds"), "--dest-username", "--dest-password"),
}


def reader_of(words: Sequence[Word], program: str) -> Callable[[Invocation], list[Fact]] | None:
    """What reads the command ``words``, whose first runs ``program``; None if it uses no registry.

    Docker's own commands are not among them: see `docker_command`.
    """
    if program in CLOUDS or program.startswith("docker-credential-"):
        return partial(cloud_login, words, program)
    if program in IMAGE_PROGRAMS:
        return partial(image_program_facts, words, program)
    return partial(_client_facts, words, program) if program in CLIENTS else None


def _client_facts(words: Sequence[Word], program: str, invocation: Invocation) -> list[Fact]:
    """The facts of the command ``words``, whose first word runs ``program``, one of `CLIENTS`."""
    client = CLIENTS[program]
    line = parse(words[1:], valued=_VALUED)
    depth = len(client.login)
    if line.has("-h", "--help"):
        return []
    if tuple(word.value for word in line.arguments[:depth]) != client.login:
        return list(_transfers(line, client, invocation))
    registry = next(iter(line.arguments[depth:]), None)
    if registry is None:
        return []  # it has a default registry of its own, or fails without one
    if program == "skopeo":
        return login_facts(words[words.index(line.arguments[0]) + 1 :], Tool.PODMAN, invocation)
    return [
        client_access(
            Purpose.LOGIN,
            registries_named(registry.value),
            (line.last("-u", "--username", "--user"), line.last("-p", "--password", "--pass")),
            invocation,
            reads_stdin=line.has("--password-stdin", "--pass-stdin"),
        )
    ]


def _transfers(line: CommandLine, client: RegistryClient, invocation: Invocation) -> Iterator[Fact]:
    command = line.arguments[0].value if line.arguments else ""
    purposes = client.transfers.get(command, ())
    for word, purpose in zip(line.arguments[1:], purposes, strict=False):
        if purpose is None or not word.value.startswith(client.scheme):
            continue
        pair, username, password = _CREDENTIALS[purpose]
        credentials = written_pair(line, *pair)
        if credentials == (None, None):
            credentials = line.last(username), line.last(password)
        image = word.value.removeprefix(client.scheme)
        yield client_access(purpose, registries_holding(image), credentials, invocation)
