"""Gives the documentation's site its addresses and the schemas: a hook of MkDocs (mkdocs.yml)."""

from __future__ import annotations

import shutil
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

from cci_migrate import project
from tools.write_docs import SCHEMAS


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Link to the repository and name the site's own address, where there is one."""
    config.site_url = project.DOCUMENTATION
    config.repo_url = project.REPOSITORY
    return config


def on_post_build(config: MkDocsConfig) -> None:
    """Put the schemas where `project.schema_address` says they are."""
    shutil.copytree(SCHEMAS, Path(config.site_dir) / "schemas", dirs_exist_ok=True)
