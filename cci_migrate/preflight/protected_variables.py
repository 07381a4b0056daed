"""Environment variables with credentials of something else than a registry.

A token of a forge, a CI service or a cloud gives access to far more than a registry, so its value
is never sent because a config or a policy names it as a password.
"""

from __future__ import annotations

#: The services, by the first words of the variables of theirs and of their tools.
_SERVICES = {
    "a code host": (
        "GH GITHUB GITLAB BITBUCKET GITEA FORGEJO GERRIT GIT CODEBERG SOURCEHUT ADO VSTS"
    ),
    "a CI service": (
        "CI CIRCLE CIRCLECI TRAVIS JENKINS BUILDKITE DRONE APPVEYOR SEMAPHORE TEAMCITY CIRRUS "
        "ACTIONS RUNNER SYSTEM CODECOV"
    ),
    "a cloud": (
        "AWS AMAZON GOOGLE GCP GCLOUD CLOUDSDK AZURE ARM AZ DIGITALOCEAN HCLOUD LINODE "
        "CLOUDFLARE CF HEROKU FLY SCW OCI IBMCLOUD ALICLOUD ALIBABA VERCEL NETLIFY RENDER "
        "PULUMI TF TFE TERRAFORM VAULT CONSUL KUBE KUBERNETES SSH"
    ),
}
#: A later word of a credential's name is one of these, or has one of the endings.
_CREDENTIALS = frozenset(
    ["PAT", "PATS", "PASS", "PASSWD", "PWD", "CREDENTIAL", "CREDENTIALS", "CREDS", "AUTH", "JWT"]
)
_CREDENTIAL_ENDINGS = ("TOKEN", "TOKENS", "PASSWORD", "SECRET", "SECRETS", "KEY", "KEYS")


def service_behind(variable: str) -> str | None:
    """The kind of service that ``variable`` is a credential of, by its name; None for any other.

    >>> service_behind("GITHUB_TOKEN")
    'a code host'
    >>> service_behind("DOCKERHUB_PASSWORD") is None
    True
    """
    words = variable.upper().split("_")
    credentials = [index for index, word in enumerate(words) if _is_credential(word)]
    before = set(words[: credentials[-1]]) if credentials else set()
    for kind, services in _SERVICES.items():
        if not before.isdisjoint(services.split()):
            return kind
    return None


def _is_credential(word: str) -> bool:
    return word in _CREDENTIALS or word.rstrip("0123456789").endswith(_CREDENTIAL_ENDINGS)
