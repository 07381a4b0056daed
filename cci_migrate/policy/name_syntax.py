"""The names of variables and contexts, as people write them in policies, options and answers."""

from __future__ import annotations

import re

from cci_migrate.lazy_patterns import lazy_pattern

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
#: A variable as CircleCI accepts it for credentials: ``$NAME``. People write ``NAME``
#: and ``${NAME}`` where a shell would replace ``$NAME`` with its value.
_VARIABLE = lazy_pattern(rf"\$(?:({_NAME})|\{{({_NAME})\}})|({_NAME})")
#: The form of a bare name that is not taken for the secret itself.
_LOOKS_LIKE_A_NAME = (
    r"[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]|[A-Z0-9]*(?:PASS|PASSWORD|PWD|TOKEN|SECRET|KEY)"
)

#: The texts that `secret_variable` accepts, as a pattern of JSON Schema.
SECRET_PATTERN = rf"^(\$({_NAME}|\{{{_NAME}\}})|{_LOOKS_LIKE_A_NAME})$"
#: The length of a context's name: https://circleci.com/docs/guides/security/contexts/
LONGEST_CONTEXT = 200


def variable(text: str) -> str | None:
    """``$NAME`` for ``$NAME``, ``${NAME}`` or ``NAME``; None for anything else."""
    match = _VARIABLE.fullmatch(text)
    return f"${match[match.lastindex or 0]}" if match else None


def secret_variable(text: str) -> str | None:
    """Like `variable`, but None for a bare name that may be the secret itself.

    ``DOCKERHUB_PASSWORD`` and ``TOKEN`` are names; ``hunter2`` may be the secret.
    """
    if text.startswith("$") or re.fullmatch(_LOOKS_LIKE_A_NAME, text):
        return variable(text)
    return None


def credential_text(text: str) -> str:
    """``text``, which need not be secret, with ``${NAME}`` written as ``$NAME``."""
    return (variable(text) if text.startswith("$") else None) or text


def is_context_name(text: str) -> bool:
    """Whether CircleCI accepts ``text`` as the name of a context.

    It may have up to 200 characters, with no white space around them
    (https://circleci.com/docs/guides/security/contexts/).
    """
    return (
        bool(text) and text == text.strip() and len(text) <= LONGEST_CONTEXT and text.isprintable()
    )
