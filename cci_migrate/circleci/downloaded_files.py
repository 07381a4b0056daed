"""What the steps of a job download, by the names of the files."""

from __future__ import annotations

from cci_migrate.docker.tasks.downloads import downloads_in


class DownloadedFiles:
    """The files that the scripts of a job have downloaded so far."""

    def __init__(self) -> None:
        self._scripts: list[str] = []

    def ran(self, script: str) -> None:
        """Add what ``script``, which has just run, downloads."""
        self._scripts.append(script)

    def address_of(self, path: str) -> str | None:
        """The URL of a file with the name in ``path``; None if no script has downloaded one."""
        name = path.rpartition("/")[2]
        for script in self._scripts:
            if name in script and name in downloads_in(script):
                return downloads_in(script)[name]
        return None
