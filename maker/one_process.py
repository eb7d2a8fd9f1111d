"""Status of each process in `maker up`: the figures of processes on Kafka, where they apply."""

from runtime.observability.process_figures import ProcessFigures
from runtime.process.definition import SystemProcess
from runtime.process.runner import ProcessRunner
from runtime.version import code_version
from schemas.units import NS_PER_MS

_SILENT_MS = 5_000.0


def system_process(runner: ProcessRunner, now_ns: int, began_ns: int) -> SystemProcess:
    """As the gateway shows it: silent when it has had no input for 5 s of engine time."""
    age_ms = (now_ns - runner.newest_ns) / NS_PER_MS if runner.newest_ns else None
    return SystemProcess(
        runner.name,
        "ok" if age_ms is not None and age_ms < _SILENT_MS else "silent",
        said_age_ms=age_ms,
        inputs=runner.inputs,
        published=runner.sequences[0],
        age_ms=age_ms,
        began_ns=began_ns,
        session_began_ns=runner.life.session_began_ns,
        code_version=code_version(),
        lag=tuple(lag for lag in runner.adapter_lag(now_ns) if lag.records),
    )


def figures_of(runner: ProcessRunner, now_ns: int, began_ns: int) -> ProcessFigures:
    """As Prometheus reads it. All processes share one lifetime, and nothing queues between them."""
    return ProcessFigures(
        runner.name,
        is_ready=True,
        began_ns=began_ns,
        session_began_ns=runner.life.session_began_ns,
        newest_input_ns=runner.newest_ns or None,
        lag=runner.adapter_lag(now_ns),
        halts=runner.definition.halts(runner.core),
    )
