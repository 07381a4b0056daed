"""Which variables have a token for CircleCI, and how its API is given one."""

from __future__ import annotations

TOKEN_VARIABLE = "CIRCLE_TOKEN"  # noqa: S105 - its name
#: For the compiler; the second is that of CircleCI's own program in its versions 0.1.
COMPILER_VARIABLES = (TOKEN_VARIABLE, "CIRCLECI_CLI_TOKEN")
#: All that CircleCI's own program reads.
PROGRAM_VARIABLES = (*COMPILER_VARIABLES, "CIRCLE_CLI_TOKEN")
HEADER = "Circle-Token"
