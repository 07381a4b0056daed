"""Recognises, by name, steps that may log in to Docker Hub but can't be read."""

from __future__ import annotations

import re

from cci_migrate.circleci.steps import Step
from cci_migrate.lossless.merging import text_of, value_of

_LOGIN = re.compile(
    r"(?:(?<![a-z])|(?<=docker)|(?<=hub)|(?<=registry))log(?:ging)?[-_ ]?in(?![a-z])"
    r"|docker[-_]?auth(?![a-z])",
    re.IGNORECASE,
)
#: Words for a login to something else, or for a test of one.
_ELSEWHERE = re.compile(
    r"(?<![a-z])(?:aws|ecr|azure|az|acr|gcr|gcp|gar|google|gcloud|quay|ghcr|github|gitlab|heroku|npmrc"
    r"|kube\w*|k8s|eks|gke|vault|artifactory|jfrog|nexus|harbor|okta|sso|snyk|sonar\w*|tests?|e2e"
    r"|specs?|cypress|playwright)(?![a-z])",
    re.IGNORECASE,
)


def is_like_login(text: str) -> bool:
    """Whether ``text``, the name of a step or a command, suggests a login to Docker Hub."""
    if "log" not in (lower := text.lower()) and "auth" not in lower:
        return False
    return _LOGIN.search(text) is not None and _ELSEWHERE.search(text) is None


def step_title(step: Step) -> str:
    """The ``name`` of ``step``; empty if it has none."""
    return text_of(value_of(step.value, "name")) or ""
