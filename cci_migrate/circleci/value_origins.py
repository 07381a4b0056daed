"""Where a user name or a password gets its value from.

An image's ``auth`` can only use variables of contexts and of the project's settings
(https://circleci.com/docs/guides/security/env-vars/): variables that a job, a step or a script sets
don't exist when CircleCI pulls the job's images, and ``CIRCLE_*`` variables are no credentials.
"""

from __future__ import annotations

import re
from enum import Enum

from msgspec import Struct

from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.images import variable_in
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.lazy_patterns import lazy_pattern


class Origin(Enum):
    """The origin of a value; the enum's value is the end of a sentence for people."""

    VARIABLE = "a variable of a context or of the project"
    LITERAL = "written out"
    PLACEHOLDER = "a placeholder from documentation"
    DERIVED = "made from something else"
    ASSIGNED = "set by the config itself"
    BUILT_IN = "one of CircleCI's own variables"
    UNKNOWN = "unknown"


class CredentialValue(Struct, frozen=True):
    """A user name or a password.

    ``text`` is its form in an image's ``auth``: ``$NAME``, or a literal; None if it has none, and
    never a literal password. ``setter`` is what sets it: ``job build``, ``$BASH_ENV``, ``env.sh``.
    """

    origin: Origin
    text: str | None = None
    setter: str = ""

    __repr__ = repr_without("text")

    @property
    def variable(self) -> str | None:
        """The bare name of the variable; None if it isn't one."""
        return None if self.text is None else variable_in(self.text)


UNKNOWN_VALUE = CredentialValue(Origin.UNKNOWN)

#: CircleCI's and Docker's pages show these as user names and passwords:
#: https://circleci.com/docs/guides/execution-managed/private-images/.
_PLACEHOLDERS = lazy_pattern(
    r"(?:my|your|some|example|the)[-_ ]?(?:docker[-_ ]?(?:hub)?|hub|registry)[-_ ]?"
    r"(?:user(?:[-_ ]?name)?|login|id|pass(?:word)?|token|account)"
    r"|(?:my|your)[-_ ]?(?:user(?:[-_ ]?name)?|login|password|token)"
    r"|<[^<>]+>|x{3,}|change[-_]?me|todo|foo|bar|(?:docker[-_]?hub|docker)[-_]?user(?:name)?",
    re.IGNORECASE,
)
_SET_IN_PLACE = lazy_pattern(r"\$\{([A-Za-z_]\w*):?\?[^{}]*\}", re.ASCII)


def credential_value(text: str | None, *, is_secret: bool) -> CredentialValue:
    """The credential ``text`` of an ``auth`` or a login; ``is_secret``: it is a password."""
    if text is None or not text.strip():
        return UNKNOWN_VALUE
    text = text.strip()
    checked = _SET_IN_PLACE.fullmatch(text)
    name = variable_in(text) if checked is None else checked.group(1)
    if name is not None:
        return named_variable(name)
    if "$" in text or "`" in text or has_expression(text):
        return CredentialValue(Origin.DERIVED)
    if _PLACEHOLDERS.fullmatch(text):
        return CredentialValue(Origin.PLACEHOLDER, text)
    return CredentialValue(Origin.LITERAL, None if is_secret else text)


def named_variable(name: str) -> CredentialValue:
    """The value of the variable ``name``."""
    origin = Origin.BUILT_IN if name.startswith("CIRCLE_") else Origin.VARIABLE
    return CredentialValue(origin, f"${name}")
