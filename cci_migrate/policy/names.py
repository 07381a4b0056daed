"""The names of variables and contexts, as people write them in policies, options and answers."""

from __future__ import annotations

import re

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
#: A variable as CircleCI takes it for credentials: ``$NAME``. ``NAME`` and ``${NAME}`` are what
#: people write where a shell would have put in the value of ``$NAME``.
_VARIABLE = re.compile(rf"\$(?:({_NAME})|\{{({_NAME})\}})|({_NAME})")
#: What a bare name must have for it not to be taken for the secret itself.
_LOOKS_LIKE_A_NAME = (
    r"[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]|[A-Z0-9]*(?:PASS|PASSWORD|PWD|TOKEN|SECRET|KEY)"
)

#: What `secret_variable` takes, as a pattern of JSON Schema.
SECRET_PATTERN = rf"^(\$({_NAME}|\{{{_NAME}\}})|{_LOOKS_LIKE_A_NAME})$"
#: The length of a context's name: https://circleci.com/docs/guides/security/contexts/
LONGEST_CONTEXT = 200


def variable(text: str) -> str | None:
    """``$NAME`` for ``$NAME``, ``${NAME}`` or ``NAME``; None for anything else."""
    match = _VARIABLE.fullmatch(text)
    return f"${match[match.lastindex or 0]}" if match else None


def secret_variable(text: str) -> str | None:
    """As `variable`, but a bare name must look like one, since it may be the secret itself.

    ``DOCKERHUB_PASSWORD`` and ``TOKEN`` do; ``hunter2`` does not.
    """
    if text.startswith("$") or re.fullmatch(_LOOKS_LIKE_A_NAME, text):
        return variable(text)
    return None


def credential_text(text: str) -> str:
    """A value that need not be secret: a ``${NAME}`` as ``$NAME``, anything else as it is."""
    return (variable(text) if text.startswith("$") else None) or text


def is_context_name(text: str) -> bool:
    """Whether CircleCI takes ``text`` as the name of a context.

    https://circleci.com/docs/guides/security/contexts/: up to 200 characters, no white space
    around them.
    """
    return (
        bool(text) and text == text.strip() and len(text) <= LONGEST_CONTEXT and text.isprintable()
    )
