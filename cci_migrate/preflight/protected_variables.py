"""Environment variables that hold more than a registry's credential.

A token of a forge, a CI service or a cloud opens far more than a registry, so its value is sent
nowhere on the word of a config or a policy, whatever they call a password.
"""

from __future__ import annotations

#: The services, by the words with which they and their tools begin the names of variables.
_SERVICES = {
    "a code host": frozenset(
        [
            "GH",
            "GITHUB",
            "GITLAB",
            "BITBUCKET",
            "GITEA",
            "FORGEJO",
            "GERRIT",
            "GIT",
            "CODEBERG",
            "SOURCEHUT",
            "ADO",
            "VSTS",
        ]
    ),
    "a CI service": frozenset(
        [
            "CI",
            "CIRCLE",
            "CIRCLECI",
            "TRAVIS",
            "JENKINS",
            "BUILDKITE",
            "DRONE",
            "APPVEYOR",
            "SEMAPHORE",
            "TEAMCITY",
            "CIRRUS",
            "ACTIONS",
            "RUNNER",
            "SYSTEM",
            "CODECOV",
        ]
    ),
    "a cloud": frozenset(
        [
            "AWS",
            "AMAZON",
            "GOOGLE",
            "GCP",
            "GCLOUD",
            "CLOUDSDK",
            "AZURE",
            "ARM",
            "AZ",
            "DIGITALOCEAN",
            "HCLOUD",
            "LINODE",
            "CLOUDFLARE",
            "CF",
            "HEROKU",
            "FLY",
            "SCW",
            "OCI",
            "IBMCLOUD",
            "ALICLOUD",
            "ALIBABA",
            "VERCEL",
            "NETLIFY",
            "RENDER",
            "PULUMI",
            "TF",
            "TFE",
            "TERRAFORM",
            "VAULT",
            "CONSUL",
            "KUBE",
            "KUBERNETES",
            "SSH",
        ]
    ),
}
#: What a later word must be, or end with, for the variable to be one that lets somebody in.
_CREDENTIALS = frozenset(
    ["PAT", "PATS", "PASS", "PASSWD", "PWD", "CREDENTIAL", "CREDENTIALS", "CREDS", "AUTH", "JWT"]
)
_CREDENTIAL_ENDINGS = ("TOKEN", "TOKENS", "PASSWORD", "SECRET", "SECRETS", "KEY", "KEYS")


def protecting_kind(variable: str) -> str | None:
    """What ``variable`` opens, by its name (``a code host``); None for any other variable.

    >>> protecting_kind("GITHUB_TOKEN")
    'a code host'
    >>> protecting_kind("DOCKERHUB_PASSWORD") is None
    True
    """
    words = variable.upper().split("_")
    credentials = [index for index, word in enumerate(words) if _is_credential(word)]
    for kind, services in _SERVICES.items():
        if credentials and not services.isdisjoint(words[: credentials[-1]]):
            return kind
    return None


def _is_credential(word: str) -> bool:
    return word in _CREDENTIALS or word.rstrip("0123456789").endswith(_CREDENTIAL_ENDINGS)
