"""What the entries of workflows run, and which contexts they have.

https://circleci.com/docs/guides/security/contexts/: a context is named on a workflow job, as a
string, a list, or an expression; never on a job itself, and not on the invocation of a job group
but on the entries in the group.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct

from cci_migrate.circleci.config import Config, ExecutorCall, ImageItem, Job, WorkflowJob
from cci_migrate.circleci.config_reading import executor_call
from cci_migrate.circleci.declared_job import DeclaredJob
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.lossless.merging import Entry, entry_of, items_or_itself, text_of, values_by_key

#: Types of jobs that run nothing
#: (https://circleci.com/docs/reference/configuration-reference/#job-type).
RUNS_NOTHING = frozenset({"approval", "no-op", "release", "lock", "unlock"})


class JobContexts(Struct, frozen=True, eq=False, dict=True):
    """The contexts of a workflow job. ``entry`` is its ``context``, own or merged; None if missing.

    ``values`` are the contexts as written, in order: a later one overrides variables of an earlier.
    """

    entry: Entry | None
    values: tuple[str, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names that are known before a pipeline runs."""
        return tuple(value for value in self.values if not has_expression(value))

    @property
    def has_expression(self) -> bool:
        """Whether some names are only known when a pipeline runs."""
        return len(self.names) < len(self.values)


def job_contexts(entry: WorkflowJob) -> JobContexts:
    """The contexts of ``entry``, own or merged."""
    context = entry_of(entry.arguments, "context")
    return JobContexts(None, ()) if context is None else contexts_in(context)


def contexts_in(entry: Entry) -> JobContexts:
    """The contexts in ``entry``, an entry ``context``."""
    texts = (text_of(item) for item in items_or_itself(entry.value))
    return JobContexts(entry, tuple(text for text in texts if text is not None))


def runs_nothing(entry: WorkflowJob, config: Config) -> bool:
    """Whether ``entry`` is an approval or another job without a machine, or calls a group."""
    if entry.type in RUNS_NOTHING:
        return True
    called = config.body.job(entry.calls)
    if called is None:
        return not entry.is_in_group and entry.calls in config.groups
    return called[1].type in RUNS_NOTHING


def image_items(entry: WorkflowJob, config: Config, values: ParameterValues) -> Iterator[ImageItem]:
    """The items of ``docker`` lists that ``entry`` pulls, those of executors it passes included."""
    if runs_nothing(entry, config):
        return
    called = config.body.job(entry.calls)
    if called is not None:
        declared = DeclaredJob(*called, values)
        if declared.job.runs_on.docker is not None:
            yield from declared.job.runs_on.docker
            return
        executors = [executor for _, executor in declared.executors(entry)]
    elif "/" in entry.calls:
        executors = [config.body.executor(call.name) for call in passed_executors(entry)]
    else:
        return
    for executor in executors:
        if executor is not None:
            yield from executor[1].docker or ()


def passed_executors(entry: WorkflowJob) -> Iterator[ExecutorCall]:
    """The executors that ``entry`` passes to an orb's job.

    The orb's parameters are unknown here: any argument with ``executor`` in its name counts.
    """
    for name, argument in values_by_key(entry.arguments).items():
        if "executor" in name and (call := executor_call(argument)) is not None:
            yield call


def called_job(entry: WorkflowJob, config: Config) -> Job | None:
    """The job of this config that ``entry`` runs; None for an orb's."""
    called = config.body.job(entry.calls)
    return None if called is None else called[1]
