"""Prints the entry for SchemaStore's catalogue: ``python -m tools.schemastore_entry``.

https://github.com/SchemaStore/schemastore/blob/master/CONTRIBUTING.md
"""

from __future__ import annotations

import json
import sys

from cci_migrate.policy.file import FILE_NAME
from cci_migrate.project import schema_address


def entry() -> dict[str, object] | None:
    """The entry, if the policy's schema has an address."""
    address = schema_address("policy")
    if address is None:
        return None
    return {
        "name": "cci-migrate",
        "description": "Policy file of cci-migrate, which authenticates Docker pulls in CircleCI",
        "fileMatch": [FILE_NAME],
        "url": address,
    }


def main() -> int:
    """Print the entry, or what it lacks."""
    made = entry()
    if made is None:
        print("error: cci_migrate/project.py: DOCUMENTATION is not set", file=sys.stderr)
        return 1
    print(json.dumps(made, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
