"""Arguments that are added to a workflow job."""

from __future__ import annotations

from cci_migrate.circleci.config import WorkflowJob
from cci_migrate.lossless.merging import is_null
from cci_migrate.lossless.nodes import Mapping, Scalar
from cci_migrate.lossless.operations import AddEntry, Content, Entries, Operation, ScalarToMapping


def with_arguments(entry: WorkflowJob, *arguments: tuple[str, Content]) -> tuple[Operation, ...]:
    """The operations that add ``arguments`` to ``entry``, which may have none yet.

    Empty if its arguments are written elsewhere.
    """
    value = entry.arguments
    if value is None and isinstance(entry.node, Scalar):
        return (ScalarToMapping(entry.node, Entries(arguments)),)
    if isinstance(value, Mapping) or (isinstance(value, Scalar) and is_null(value)):
        return tuple(AddEntry(value, key, content) for key, content in arguments)
    return ()
