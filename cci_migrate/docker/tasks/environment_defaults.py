"""Defaults of variables that the environment may set, in the files of task runners."""

from __future__ import annotations


class EnvironmentDefaults:
    """The defaults that were used so far.

    A step's environment that is not seen is taken not to set a variable that has a default, as in
    Compose files; but where something logs in, a name must not be taken for what it may not be.
    """

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def of(self, name: str, default: str) -> str:
        """The value of the variable ``name`` as shell code, for `applied`."""
        code = f"${{{name}:-{default}}}"
        self._values[code] = default
        return code

    def applied(self, text: str) -> str:
        """``text`` with the defaults themselves, if it does not log in."""
        if "login" in text:
            return text
        # A default may contain others, which were used before it.
        for code, default in reversed(self._values.items()):
            text = text.replace(code, default)
        return text
