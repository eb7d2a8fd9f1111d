"""Old names of configuration keys: files, variables and logs that have them mean what they meant."""

import json
from pathlib import Path
from typing import Any

import pytest

from runtime.config.settings import config_hash, load_config
from runtime.errors import ConfigError
from schemas.config import Config
from schemas.envelope import decode
from schemas.process import ConfigApplied
from schemas.renamed_keys import DROPPED_KEYS, RENAMED_KEYS
from tests.conftest import ROOT


def file_of(folder: Path, text: str, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refusal(*files: Path, env: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(files, env=env or {})
    return str(caught.value)


def test_a_file_with_the_old_names_sets_the_listener(tmp_path: Path) -> None:
    text = "engine: {port: 9000, log_dir: here}\nprocess: {gateway_host: localhost, shards: 2}"
    loaded = load_config((file_of(tmp_path, text),), env={})
    config = loaded.config
    assert (config.gateway.host, config.gateway.port) == ("localhost", 9000)
    assert (config.engine.log_dir, config.process.shards) == ("here", 2)
    assert loaded.origin["gateway.port"] == str(tmp_path / "a.yaml")
    assert not set(RENAMED_KEYS) & set(loaded.origin)


def test_variables_with_the_old_names_do_too() -> None:
    loaded = load_config(env={"MM__ENGINE__PORT": "0", "MM__PROCESS__GATEWAY_HOST": "::1"})
    assert (loaded.config.gateway.host, loaded.config.gateway.port) == ("::1", 0)
    assert loaded.origin["gateway.host"] == "env MM__PROCESS__GATEWAY_HOST"


def test_precedence_is_the_source_and_not_the_name(tmp_path: Path) -> None:
    old = file_of(tmp_path, "engine: {port: 1}", "old.yaml")
    new = file_of(tmp_path, "gateway: {port: 2}", "new.yaml")
    assert load_config((new, old), env={}).config.gateway.port == 1
    assert load_config((old, new), env={}).config.gateway.port == 2
    assert load_config((new,), env={"MM__ENGINE__PORT": "3"}).config.gateway.port == 3


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("engine: {port: 1}\ngateway: {port: 2}", ("engine.port (1)", "gateway.port (2)")),
        (
            "process: {gateway_host: a}\ngateway: {host: b}",
            ("process.gateway_host (a)", "gateway.host (b)"),
        ),
    ],
)
def test_a_file_with_two_values_for_one_setting_is_refused(
    tmp_path: Path, text: str, names: tuple[str, str]
) -> None:
    path = file_of(tmp_path, text)
    error = refusal(path)
    assert error.startswith(f"{path}: ")
    assert all(name in error for name in names)
    assert error.endswith(f"keep {names[1].partition(' ')[0]}")


def test_the_same_value_under_both_names_is_one_value(tmp_path: Path) -> None:
    path = file_of(tmp_path, "engine: {port: 9}\ngateway: {port: 9}")
    both = {"MM__ENGINE__PORT": "9", "MM__GATEWAY__PORT": "9"}
    assert load_config((path,), env=both).config.gateway.port == 9


def test_variables_with_two_values_for_one_setting_are_refused() -> None:
    error = refusal(env={"MM__ENGINE__PORT": "1", "mm__gateway__port": "2"})
    assert error == (
        "env MM__ENGINE__PORT and MM__GATEWAY__PORT are two names of one setting, with different values: "
        "keep MM__GATEWAY__PORT"
    )


@pytest.mark.parametrize(
    "text", ["engine: {port: 1}\ngateway: 5", "engine: 5", "gateway:\nengine: {port: 1}"]
)
def test_an_old_name_beside_something_that_is_no_section(tmp_path: Path, text: str) -> None:
    path = file_of(tmp_path, text)
    if text.startswith("gateway:"):
        assert load_config((path,), env={}).config.gateway.port == 1
    else:
        assert "is a section: it contains keys, not 5" in refusal(path)


def test_a_wrong_value_names_the_place_where_it_is(tmp_path: Path) -> None:
    path = file_of(tmp_path, "engine: {port: -1}")
    assert refusal(path).startswith(f"{path}: gateway.port: Input should be greater than or equal to 0")


def as_recorded(**sections: Any) -> bytes:
    """A configuration message as logs have it from before the rename."""
    example = (ROOT / "schemas/examples/process.config.v1.json").read_text(encoding="utf-8")
    message: dict[str, Any] = json.loads(example)
    del message["config"]["gateway"]
    for section, keys in sections.items():
        message["config"][section] |= keys
    return json.dumps(message).encode()


def test_the_configuration_of_an_old_log_loads_and_has_the_same_hash() -> None:
    old = {"engine": {"port": 9000}, "process": {"gateway_host": "localhost"}}
    applied = decode(ConfigApplied, as_recorded(**old))
    assert (applied.config.gateway.host, applied.config.gateway.port) == ("localhost", 9000)
    assert config_hash(applied.config) == config_hash(decode(ConfigApplied, as_recorded()).config)


def test_a_setting_that_there_is_no_more_changes_nothing() -> None:
    applied = decode(ConfigApplied, as_recorded(market_making={"refused_rest_s": 5.0}))
    assert config_hash(applied.config) == config_hash(decode(ConfigApplied, as_recorded()).config)


def test_a_configuration_with_two_values_for_one_setting_is_refused() -> None:
    with pytest.raises(ValueError, match=r"engine\.port \(1\) and gateway\.port \(2\)"):
        Config.model_validate({"engine": {"port": 1}, "gateway": {"port": 2}})


def test_the_old_names_are_the_present_ones_of_nothing() -> None:
    known = {f"{section}.{name}" for section, keys in Config().model_dump().items() for name in keys}
    assert not (set(RENAMED_KEYS) | DROPPED_KEYS) & known
    assert set(RENAMED_KEYS.values()) <= known
