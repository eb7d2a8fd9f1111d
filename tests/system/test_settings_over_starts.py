"""What people change while the engine runs is in force after a start too, until the file says otherwise."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.log.logfile import read_log
from schemas.envelope import decode
from schemas.process import ConfigApplied
from schemas.topics import QUOTE
from tests.servers.local import MAKER, LocalProcess, until
from tests.servers.visitor import Visitor
from tests.system.conftest import Maker

pytestmark = pytest.mark.slow
SPREAD = "market_making.base_spread"
FILE = "market_making: {{base_spread: {}}}\ngateway: {{port: 0}}"
SETTINGS = "api/v1/maker/settings"


class Started:
    """An engine with its page, on a file and a log."""

    def __init__(self, folder: Path) -> None:
        command: list[str | Path] = [MAKER, "up", "--config", folder / "file.yaml", "--log", folder / "log"]
        self.process = LocalProcess(command, folder / f"{len(list(folder.iterdir()))}.txt")
        self.process.start()
        until(lambda: "http://" in self.process.text(), "the page is there")
        url = next(word for word in self.process.text().split() if word.startswith("http://"))
        self.visitor = Visitor(url.partition("#")[0], self.process.text)

    def change(self, value: str) -> None:
        """Change the spread live, and wait until it is in force."""
        body = {"value": value, "reason": "a wider evening"}
        self.visitor.ask("PUT", f"{SETTINGS}/{SPREAD}", body)
        until(lambda: self.in_force() == value, "the setting is in force")

    def in_force(self) -> str:
        settings = self.visitor.get(SETTINGS)["settings"]
        return next(str(each["value"]) for each in settings if each["key"] == SPREAD)


@contextmanager
def engine(folder: Path, spread: str, more: str = "") -> Iterator[Started]:
    (folder / "file.yaml").write_text(FILE.format(spread) + more)
    started = Started(folder)
    try:
        yield started
    finally:
        started.process.kill()


def test_a_live_value_stays_until_the_file_changes(tmp_path: Path, maker: Maker) -> None:
    file, log = tmp_path / "file.yaml", tmp_path / "log"
    with engine(tmp_path, "0.003") as first:
        first.change("0.0041")
        first.process.kill()
    shown = maker("config", "show", "--config", file, "--log", log, "--origin", "--json").json[SPREAD]
    assert shown["value"] == 0.0041
    assert "changed live by" in shown["origin"]
    assert "a wider evening; the file says 0.003" in shown["origin"]
    same = maker("config", "diff", "--config", file, "--log", log, "--json")
    assert (same.code, same.json["begins_session"]) == (0, False)

    with engine(tmp_path, "0.003") as second:
        until(lambda: second.in_force() == "0.0041", "it is in force after a kill")
        second.process.stop()

    file.write_text(FILE.format("0.005"))
    other = maker("config", "diff", "--config", file, "--log", log, "--json")
    assert (other.code, other.json["begins_session"]) == (1, True)
    assert [each["because"] for each in other.json["live"]] == ["the file changed from 0.003 to 0.005"]
    with engine(tmp_path, "0.005") as third:
        until(lambda: third.in_force() == "0.005", "the file is in force")
        third.process.stop()
    assert json.loads(maker("replay", log, "--json").out)


def test_the_newest_of_several_live_values_is_in_force_in_each_session(tmp_path: Path, maker: Maker) -> None:
    """Only the process that reads a setting records its change: the others have the value of their start."""
    log = tmp_path / "log"
    for session, value in enumerate(("0.0041", "0.0042", "0.0043")):
        with engine(tmp_path, "0.003", f"\nmodel: {{gamma: 0.{session + 1}}}") as started:
            if session:
                until(lambda: started.in_force() == f"0.004{session}", "the last change is in force")  # noqa: B023
            started.change(value)
            started.process.stop()
        assert begun_with(log) == ("0.003", "0.0041", "0.0042")[session]
        file = tmp_path / "file.yaml"
        shown = maker("config", "show", "--config", file, "--log", log, "--origin", "--json").json[SPREAD]
        assert shown["value"] == float(value)


def begun_with(log: Path) -> str:
    """The spread with which quote-service began the newest session, whatever the page shows."""
    begun = [
        decode(ConfigApplied, record.payload)
        for record in read_log(log)
        if record.envelope.type_name == ConfigApplied.type_name and record.key == QUOTE
    ]
    return str(begun[-1].config.market_making.base_spread)
