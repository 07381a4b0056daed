"""The ids of the rules that something besides the rule's own module names.

The id of any other rule is in its module alone; ``rules.catalogue`` has all of them.
"""

from __future__ import annotations

from typing import Final

INCOMPLETE_AUTH: Final = "incomplete-auth"
LITERAL_CREDENTIAL: Final = "literal-credential"
MISPLACED_AUTH: Final = "misplaced-auth"
MISSING_CONTEXT: Final = "missing-context"
PULL_BEFORE_LOGIN: Final = "pull-before-login"
UNAUTHENTICATED_IMAGE: Final = "unauthenticated-image"
UNDECIDABLE_IMAGE: Final = "undecidable-image"
