"""The files of the repository, by the paths that the steps of a job use for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

from msgspec import Struct

from cci_migrate.circleci.checkout_folder import CheckoutFolder
from cci_migrate.circleci.downloaded_files import DownloadedFiles
from cci_migrate.docker.shell.facts import joined_path

#: Returns the text of a file of the repository by its path from the root; None if there is none.
ReadText = Callable[[str], "str | None"]


class CheckedOutFiles(Struct, frozen=True, eq=False):
    """The files that ``read`` returns, checked out to ``folder``, beside those ``downloaded``.

    ``read`` is None if the config's repository isn't available.
    """

    folder: CheckoutFolder
    read: ReadText | None
    downloaded: DownloadedFiles

    def text(self, path: str) -> str | None:
        """The text of the file at ``path``; None if there is none, or it is not known which."""
        inside = self.folder.inside(path)
        return None if inside is None or self.read is None else self.read(inside)

    @overload
    def path(self, directory: str, path: str) -> str: ...

    @overload
    def path(self, directory: str | None, path: str | None) -> str | None: ...

    def path(self, directory: str | None, path: str | None) -> str | None:
        """``path`` seen from ``directory``, from the repository's root if it is in there.

        None if one of them is unknown.
        """
        if directory is None or path is None:
            return None
        joined = joined_path(directory, path)
        return self.folder.inside(joined) or joined
