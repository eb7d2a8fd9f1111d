"""Brings processes back to where a log ends: the recorded inputs are fed to the cores again.

The log is the truth, so positions, latched halts and open orders survive any end of the process. Outputs
are not published again: they are in the log already.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from chassis.bus.logfile import LoggedRecord, read_log
from chassis.errors import ConfigError
from chassis.shell import ADAPTER_SUFFIX, TRACE_SUFFIX, ProcessShell
from chassis.tracewalk import ConfigStep, TraceStep, TraceWalk
from schemas.config import Config
from schemas.process import ConfigApplied
from schemas.topics import BY_NAME, GATEWAY


class Restored:
    """What a log held."""

    def __init__(self) -> None:
        self.records = 0
        self.sequences: Counter[str] = Counter()

    def noting(self, records: Iterator[LoggedRecord]) -> Iterator[LoggedRecord]:
        """Pass records on, keeping the newest sequence of each producer."""
        for record in records:
            self.records += 1
            self.sequences[record.envelope.producer] = record.envelope.sequence
            yield record

    @property
    def last_command_sequence(self) -> int:
        """Number of the newest command."""
        return self.sequences[GATEWAY]


def restore(directory: Path, shells: Sequence[ProcessShell], applied: ConfigApplied) -> Restored:
    """Feed a log to the shells' cores; they then go on where it ends.

    Raises ConfigError where the log was written under another configuration: its decisions could not be
    made again.
    """
    restored = Restored()
    by_name = {shell.name: shell for shell in shells}
    inputs: Counter[str] = Counter()
    walk = TraceWalk(tuple(by_name))
    for step in walk.steps(restored.noting(read_log(directory))):
        if isinstance(step, ConfigStep):
            _check_config(directory, step, applied)
            by_name[step.process].configure(step.applied)
        else:
            inputs[step.process] += _feed(by_name[step.process], step, applied.config)
    for shell in shells:
        shell.continue_from(
            restored.sequences[shell.name],
            restored.sequences[shell.name + TRACE_SUFFIX],
            restored.sequences[shell.name + ADAPTER_SUFFIX],
            inputs[shell.name],
        )
    return restored


def _check_config(directory: Path, step: ConfigStep, applied: ConfigApplied) -> None:
    if step.applied.config_hash != applied.config_hash:
        raise ConfigError(
            f"{directory} was recorded with another configuration (hash {step.applied.config_hash[:12]}, now "
            f"{applied.config_hash[:12]}): give that configuration, or another folder with --log"
        )


def _feed(shell: ProcessShell, step: TraceStep, config: Config) -> int:
    adapter = shell.adapter if shell.definition.restores_adapter(config) else None
    count = 0
    for event, record in step.inputs:
        count += 1
        if adapter is not None and record is not None and BY_NAME[record.topic].own_input:
            for _ in adapter.take_due(event.event_time_ns):
                pass  # in the log already; taking it keeps the simulation's own state right
        outputs = shell.core.on_event(event)
        if adapter is not None:
            for seen in (event, *outputs):
                adapter.on_event(seen)
    return count
