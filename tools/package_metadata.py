"""What the package's metadata have from elsewhere: the addresses and the README with whole links.

Hatchling runs it at each build (``[tool.hatch.metadata.hooks.custom]`` in pyproject.toml), in an
environment with nothing but hatchling, so it imports nothing of the package.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)]+)\)")


class PackageMetadata(MetadataHookInterface):
    """Sets the fields that pyproject.toml calls dynamic, but for the version."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set ``urls`` and ``readme`` in ``metadata``."""
        root = Path(self.root)
        project = runpy.run_path(str(root / "cci_migrate" / "project.py"))
        readme = (root / "README.md").read_text(encoding="utf-8")
        text = with_whole_links(readme, project["REPOSITORY"], metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = project["package_urls"]()


def with_whole_links(readme: str, repository: str | None, version: str) -> str:
    """The text of a README whose links work on the package index.

    Without a ``repository`` there is nothing for a link to a file to lead to: its text stays.
    """
    whole = rf"[\1]({repository}/blob/v{version}/\2)" if repository else r"\1"
    return _RELATIVE_LINK.sub(whole, readme)
