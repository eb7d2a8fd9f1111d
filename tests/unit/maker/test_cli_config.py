"""`maker config`: data on stdout, talk on stderr, exit codes that programs can trust."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from maker.cli.config import config_app
from maker.cli.errors import exit_with_errors
from runtime.config.settings import config_hash
from runtime.errors import (
    ConfigError,
    DependencyError,
    EngineError,
    FeedError,
    LogDamagedError,
    OffsetOutOfRangeError,
    RefusedError,
    ReplayDivergedError,
)
from schemas.config import Config

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("MM__FEED__SEED", "MM__X"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments: str | Path, **env: str) -> Result:
        return CliRunner().invoke(config_app, [str(item) for item in arguments], env=env)

    return invoke


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text("feed: {seed: 5}")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text("feed: {sed: 5}\ngateway: {port: -1}")
    return path


class TestShow:
    def test_every_key_is_on_stdout_and_nothing_on_stderr(self, run: Run) -> None:
        done = run("show")
        assert (done.exit_code, done.stderr) == (0, "")
        assert "market_making.base_spread: " in done.stdout
        assert "instruments.BTC/USDT.tick_size: " in done.stdout

    def test_the_values_are_those_in_force(self, run: Run, good: Path) -> None:
        values = json.loads(run("show", "--config", good, "--json").stdout)
        assert values["feed.seed"] == 5
        assert (
            json.loads(run("show", "--config", good, "--json", MM__FEED__SEED="6").stdout)["feed.seed"] == 6
        )

    def test_each_value_says_where_it_comes_from(self, run: Run, good: Path) -> None:
        lines = run("show", "--config", good, "--origin", MM__GATEWAY__PORT="81").stdout.splitlines()
        origins = {line.split(":")[0]: line.rpartition("# ")[2] for line in lines}
        assert origins["feed.seed"] == str(good)
        assert origins["gateway.port"] == "env MM__GATEWAY__PORT"
        assert origins["feed.kind"] == "default"

    def test_a_program_reads_value_and_origin(self, run: Run, good: Path) -> None:
        shown = json.loads(run("show", "--config", good, "--origin", "--json").stdout)
        assert shown["feed.seed"] == {"value": 5, "origin": str(good)}

    def test_a_later_file_wins(self, run: Run, good: Path, tmp_path: Path) -> None:
        later = tmp_path / "later.yaml"
        later.write_text("feed: {seed: 6}")
        shown = json.loads(run("show", "--config", good, "--config", later, "--json").stdout)
        assert shown["feed.seed"] == 6


class TestValidate:
    def test_a_right_file(self, run: Run, good: Path) -> None:
        done = run("validate", good)
        assert (done.exit_code, done.stdout, done.stderr) == (0, f"{good}: valid\n", "")
        assert json.loads(run("validate", good, "--json").stdout) == {
            "valid": True,
            "file": str(good),
            "warnings": [],
        }

    def test_symbols_that_the_configuration_does_not_know_are_warnings(
        self, run: Run, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.yaml"
        path.write_text("per_symbol: {btc/usdt: {}}\nrouting: {permitted: ['synthetic:BTC']}")
        done = run("validate", path)
        assert (done.exit_code, done.stdout) == (0, f"{path}: valid\n")
        assert done.stderr.splitlines() == [
            f"{path}: warning: per_symbol: no symbol is called btc/usdt; did you mean 'BTC/USDT'?",
            f"{path}: warning: routing.permitted: no contract is called synthetic:BTC; "
            "did you mean 'synthetic:BTC/USDT'?",
        ]
        assert len(json.loads(run("validate", path, "--json").stdout)["warnings"]) == 2

    def test_a_wrong_file_ends_with_2_and_all_its_errors_on_stderr(self, run: Run, bad: Path) -> None:
        done = run("validate", bad)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith("maker: ")
        assert "did you mean 'feed.seed'?" in done.stderr
        assert "gateway.port: Input should be greater than or equal to 0 (it is -1)" in done.stderr

    def test_a_program_reads_the_error_as_one_object(self, run: Run, bad: Path) -> None:
        done = run("validate", bad, "--json")
        assert (done.exit_code, done.stdout) == (2, "")
        error = json.loads(done.stderr)
        assert (error["error"], error["exit_code"]) == ("ConfigError", 2)
        assert "feed.sed" in error["message"]

    def test_the_environment_does_not_make_a_file_wrong(self, run: Run, good: Path) -> None:
        assert run("validate", good, MM__X="1").exit_code == 0
        assert run("show", "--config", good, MM__X="1").exit_code == 2

    def test_a_missing_file(self, run: Run, tmp_path: Path) -> None:
        done = run("validate", tmp_path / "missing.yaml")
        assert done.exit_code == 2
        assert "missing.yaml cannot be read: No such file or directory" in done.stderr


def test_the_schema_knows_every_section(run: Run) -> None:
    done = run("schema")
    assert done.exit_code == 0
    assert list(json.loads(done.stdout)["properties"]) == list(Config.model_fields)


def test_what_show_prints_is_a_configuration_again(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "again.yaml"
    path.write_text(Config().model_dump_json())
    shown = run("show", "--config", path, "--json").stdout
    assert json.loads(shown) == json.loads(run("show", "--json").stdout)
    assert config_hash(Config()) == config_hash(Config.model_validate_json(path.read_text()))


EXIT_CODES = {
    EngineError: 1,
    FeedError: 1,
    LogDamagedError: 1,
    OffsetOutOfRangeError: 1,
    ConfigError: 2,
    DependencyError: 3,
    RefusedError: 4,
    ReplayDivergedError: 5,
}


@pytest.mark.parametrize(("error", "code"), EXIT_CODES.items(), ids=str)
def test_an_error_of_the_engine_ends_with_its_code(
    error: type[EngineError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    @exit_with_errors
    def command(*, as_json: bool) -> None:
        raise error("the broker is away")

    for as_json in (False, True):
        with pytest.raises(typer.Exit) as ended:
            command(as_json=as_json)
        assert ended.value.exit_code == code
    out, err = capsys.readouterr()
    assert out == ""
    text, line = err.splitlines()
    assert text == "maker: the broker is away"
    assert json.loads(line) == {"error": error.__name__, "message": "the broker is away", "exit_code": code}


def test_a_defect_is_not_hidden() -> None:
    @exit_with_errors
    def command() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command()
