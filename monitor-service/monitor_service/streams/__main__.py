"""`python -m monitor_service.streams`: the worker alone."""

from pathlib import Path
from typing import Annotated

import typer

from chassis.cli_errors import exit_with_errors
from chassis.logs import configure_logs
from chassis.settings import load_config
from monitor_service.streams.worker import run_streams


@exit_with_errors
def main(
    config: Annotated[
        list[Path] | None, typer.Option("--config", help="YAML file; may be given again, a later one wins.")
    ] = None,
    kafka: Annotated[str | None, typer.Option("--kafka", help="host:port of a broker.")] = None,
) -> None:
    """Totals by minute and symbol, from the engine's topics to monitor.statistics."""
    configure_logs()
    overrides = {} if kafka is None else {"kafka": {"bootstrap": kafka}}
    run_streams(load_config(config or (), overrides).config)


if __name__ == "__main__":
    typer.run(main)
