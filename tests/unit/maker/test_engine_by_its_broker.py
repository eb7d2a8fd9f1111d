"""Which engine a command over the broker selects, and in what order it reads its topics."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from maker.cli.app import app
from maker.reaching import runs_on_kafka
from maker.reaching_kafka import in_order
from runtime.config.settings import load_config
from runtime.log.logfile import LoggedRecord
from schemas.envelope import Envelope, encode
from schemas.orders import OrderEventKind
from tests.kit.messages import order_event


def maker(command: str, config: Path) -> Result:
    return CliRunner().invoke(app, [command, "--config", str(config)])


def test_a_configuration_that_names_a_broker_and_no_log_here_selects_its_engine_on_kafka(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    file = tmp_path / "engine.yaml"
    file.write_text("engine: {port: 1}", encoding="utf-8")
    assert "select an engine" in maker("status", file).stderr
    file.write_text("kafka: {bootstrap: '127.0.0.1:1'}", encoding="utf-8")
    done = maker("status", file)
    assert (done.exit_code, "no Kafka broker answers at 127.0.0.1:1" in done.stderr) == (3, True), done.stderr
    assert "no signing key" in maker("halt", file).stderr
    config = load_config([file]).config
    log = tmp_path / "runs"
    log.mkdir()
    monkeypatch.setattr("maker.reaching.standing_folder", lambda _: log)
    assert not runs_on_kafka(config)  # it may be the engine of `maker up` that is meant
    log.rmdir()
    assert runs_on_kafka(config)


def test_an_order_ends_though_its_end_is_dated_before_the_request_to_cancel_it() -> None:
    def sent(offset: int, time_ns: int, kind: OrderEventKind, partition: int = 0) -> LoggedRecord:
        message = order_event(kind=kind, time_ns=time_ns)
        envelope = Envelope("order-router", offset, None, time_ns, message.type_name)
        return LoggedRecord("order.event", partition, offset, message.key, envelope, encode(message))

    read = [
        sent(0, 5, "accepted"),
        sent(1, 9, "cancel_intent"),
        sent(2, 7, "filled"),
        sent(0, 8, "denied", 1),
    ]
    assert [(each.partition, each.offset) for each in in_order(read)] == [(0, 0), (1, 0), (0, 1), (0, 2)]
