"""What CircleCI's compiler says of a config's files, and of a change of them."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.examination import Examination, examine
from cci_migrate.engine.outcomes import Unexamined
from cci_migrate.engine.proof import ProvenChange
from cci_migrate.policy.settings import Policy
from cci_migrate.verification.verdicts import Compile, Verdict, verdict


def verdict_on(
    files: ConfigFiles,
    policy: Policy,
    change_for: Callable[[Examination], ProvenChange | None],
    compile_text: Compile,
    *,
    sends_secrets: bool,
) -> Verdict | Unexamined:
    """The `verdict` on the config ``files`` and the change that ``change_for`` has for it.

    Raises what `examine` does.
    """
    before = examine(files, policy)
    if not isinstance(before, Examination):
        return before
    change = change_for(before)
    after = None if change is None else _with_change(files, change, policy)
    return verdict(before, after, compile_text, sends_secrets=sends_secrets)


def _with_change(files: ConfigFiles, change: ProvenChange, policy: Policy) -> Examination:
    """``files`` once ``change`` is made."""
    changed = {file.path: file.after for file in change.files}
    after = examine(replace(files, files={**files.files, **changed}), policy)
    assert isinstance(after, Examination)  # noqa: S101 - the proof has read it too
    return after
