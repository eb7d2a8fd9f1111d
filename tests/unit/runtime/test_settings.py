"""Where each value of the configuration comes from, and what a person reads when one is wrong."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from runtime.config.settings import LoadedConfig, config_hash, flat, load_config
from runtime.errors import ConfigError
from runtime.version import _commit, code_version
from schemas.config import Config, Routing
from schemas.quoting_settings import MarketMaking

WriteYaml = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteYaml:
    def to(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return to


MULTIPLYING = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)
"""Eight lines that stand for a hundred million values."""


def errors_of(*files: Path, env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(files, env=env or {})
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


class TestPrecedence:
    """Command line, environment, later file, earlier file, default: the first that names a key wins."""

    KEY = "market_making.base_spread"
    FIRST = "market_making: {base_spread: 0.01}"
    SECOND = "market_making: {base_spread: 0.02}"
    ENV: ClassVar = {"MM__MARKET_MAKING__BASE_SPREAD": "0.03"}
    OVERRIDE: ClassVar = {"market_making": {"base_spread": 0.04}}

    def check(self, loaded: LoadedConfig, value: float, origin: str) -> None:
        assert loaded.config.market_making.base_spread == value
        assert loaded.origin[self.KEY] == origin

    def test_without_anything_the_defaults_hold(self) -> None:
        loaded = load_config(env={})
        assert loaded.config == Config()
        assert set(loaded.origin.values()) == {"default"}

    def test_each_source_wins_over_those_below_it(self, write: WriteYaml) -> None:
        first, second = write("first.yaml", self.FIRST), write("second.yaml", self.SECOND)
        self.check(load_config((first,), env={}), 0.01, str(first))
        self.check(load_config((first, second), env={}), 0.02, str(second))
        self.check(load_config((second, first), env={}), 0.01, str(first))
        self.check(load_config((first, second), env=self.ENV), 0.03, "env MM__MARKET_MAKING__BASE_SPREAD")
        self.check(load_config((first, second), self.OVERRIDE, self.ENV), 0.04, "command line")

    def test_the_environment_of_the_process_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MM__GATEWAY__PORT", "4711")
        assert load_config().config.gateway.port == 4711

    def test_sections_are_merged_key_by_key(self, write: WriteYaml) -> None:
        first = write("first.yaml", "market_data: {book_levels: 30, volatility: {half_life_s: 5}}")
        second = write("second.yaml", "market_data: {volatility: {jump_sigma: 6}}")
        loaded = load_config((first, second), env={})
        assert loaded.config.market_data.book_levels == 30
        assert loaded.config.market_data.volatility.half_life_s == 5
        assert loaded.config.market_data.volatility.jump_sigma == 6
        assert loaded.origin["market_data.volatility.half_life_s"] == str(first)
        assert loaded.origin["market_data.volatility.jump_sigma"] == str(second)
        assert loaded.origin["market_data.volatility.regime_low_bps"] == "default"

    def test_every_key_has_an_origin(self, write: WriteYaml) -> None:
        loaded = load_config((write("a.yaml", "instruments: {A/B: {tick_size: 1}}\nfeed: {kind: recorded}"),))
        keys = [key for key, _ in flat(loaded.config.model_dump(mode="json"))]
        assert list(loaded.origin) == keys
        assert len(set(keys)) == len(keys)

    def test_loading_leaves_the_overrides_as_they_were(self, write: WriteYaml) -> None:
        overrides = {"feed": {"kind": "recorded"}}
        load_config((), overrides, {"MM__FEED__SEED": "3"})
        assert overrides == {"feed": {"kind": "recorded"}}


class TestTables:
    """A dictionary of entries replaces the one below it as a whole, so a file can leave entries out."""

    def test_a_table_of_a_file_replaces_the_default(self, write: WriteYaml) -> None:
        path = write("a.yaml", "feed: {kind: recorded}\ninstruments: {A/B: {tick_size: 0.1}}")
        loaded = load_config((path,), env={})
        assert list(loaded.config.instruments) == ["A/B"]
        assert loaded.config.instruments["A/B"].tick_size == Decimal("0.1")
        assert loaded.origin["instruments.A/B.tick_size"] == str(path)
        assert loaded.origin["instruments.A/B.lot_size"] == str(path)

    def test_a_table_of_a_later_file_replaces_that_of_an_earlier(self, write: WriteYaml) -> None:
        first = write("a.yaml", "reporting: {rates: {USDT: 1, EUR: 1.1}}")
        second = write("b.yaml", "reporting: {rates: {USD: 1}, currency: USD}")
        reporting = load_config((first, second), env={}).config.reporting
        assert reporting.rates == {"USD": Decimal(1)}
        assert reporting.currency == "USD"

    def test_the_environment_can_give_a_whole_table(self) -> None:
        loaded = load_config(env={"MM__REPORTING__RATES": '{"USDT": "1", "EUR": "1.1"}'})
        assert loaded.config.reporting.rates == {"USDT": Decimal(1), "EUR": Decimal("1.1")}
        assert loaded.origin["reporting.rates.EUR"] == "env MM__REPORTING__RATES"

    @pytest.mark.parametrize(
        ("name", "above", "whole"),
        [
            ("MM__INSTRUMENTS__BTC__TICK_SIZE", "instruments", "MM__INSTRUMENTS"),
            ("MM__FEED__SYMBOLS__X", "feed.symbols", "MM__FEED__SYMBOLS"),
            ("MM__FEED__SEED__X", "feed.seed", "MM__FEED__SEED"),
        ],
    )
    def test_the_environment_cannot_reach_into_a_value(self, name: str, above: str, whole: str) -> None:
        assert errors_of(env={name: "1"}) == [
            f"env {name}: {above} can only be set as a whole or in a file: {whole}=VALUE"
        ]


class TestEnvironment:
    def test_names_are_read_in_any_case(self) -> None:
        loaded = load_config(env={"mm__Feed__Seed": "7"})
        assert loaded.config.feed.seed == 7
        assert loaded.origin["feed.seed"] == "env mm__Feed__Seed"

    @pytest.mark.parametrize(
        ("text", "speed"), [("max", "max"), ("2", 2.0), ("2.5", 2.5), ("1e2", 100.0), ("'3'", 3.0)]
    )
    def test_values_are_yaml_scalars(self, text: str, speed: float | str) -> None:
        assert load_config(env={"MM__FEED__SPEED": text}).config.feed.speed == speed

    def test_a_value_may_be_a_list_and_a_section_json(self) -> None:
        env = {"MM__FEED__PATHS": '["a.jsonl", "b.jsonl"]', "MM__ROUTING": '{"price_collar": 0.5}'}
        config = load_config(env=env).config
        assert config.feed.paths == ("a.jsonl", "b.jsonl")
        assert config.routing.price_collar == 0.5

    def test_other_variables_are_no_business_of_ours(self) -> None:
        env = {"MM_FEED__SEED": "7", "FEED__SEED": "7", "PATH": "x", "MMM__X": "1"}
        assert load_config(env=env).config == Config()

    def test_a_variable_that_names_no_key_is_refused_with_the_nearest(self) -> None:
        assert errors_of(env={"MM__FEED__SEEED": "1"}) == [
            "env MM__FEED__SEEED: unknown key feed.seeed; did you mean 'feed.seed'?"
        ]

    def test_a_variable_that_is_no_yaml_is_refused_with_its_text(self) -> None:
        assert errors_of(env={"MM__FEED__SEED": "[1"}) == ["env MM__FEED__SEED is not a YAML value: '[1'"]

    def test_each_override_can_be_listed(self) -> None:
        loaded = load_config(env={"MM__FEED__SEED": "7", "MM__GATEWAY__PORT": "0"})
        listed = {key: origin for key, origin in loaded.origin.items() if origin.startswith("env ")}
        assert listed == {"feed.seed": "env MM__FEED__SEED", "gateway.port": "env MM__GATEWAY__PORT"}


class TestWrongFiles:
    def test_a_misspelled_key_names_file_key_and_nearest(self, write: WriteYaml) -> None:
        path = write("a.yaml", "market_making: {base_spred: 1}")
        assert errors_of(path) == [
            f"{path}: unknown key market_making.base_spred; did you mean 'market_making.base_spread'?"
        ]

    def test_a_key_in_the_wrong_section_names_the_right_one(self, write: WriteYaml) -> None:
        path = write("a.yaml", "half_life_s: 3")
        assert errors_of(path) == [
            f"{path}: unknown key half_life_s; did you mean 'market_data.volatility.half_life_s'?"
        ]

    def test_a_key_like_no_other_lists_those_of_its_section(self, write: WriteYaml) -> None:
        path = write("a.yaml", "inventory: {zzz: 3}")
        (error,) = errors_of(path)
        assert error.startswith(f"{path}: unknown key inventory.zzz; known are inventory.target_inventory, ")

    def test_a_misspelled_key_of_a_table_entry_names_the_nearest(self, write: WriteYaml) -> None:
        path = write("a.yaml", "feed: {kind: recorded}\ninstruments: {A/B: {tick_siz: 1}}")
        assert errors_of(path) == [
            f"{path}: instruments.A/B.tick_siz: unknown key; did you mean 'tick_size'?"
        ]

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            (
                "routing: {price_collar: -1}",
                "routing.price_collar: Input should be greater than 0 (it is -1)",
            ),
            (
                "venue: {queue_model: fifo}",
                "venue.queue_model: Input should be 'risk_averse', 'power', 'power_1', 'power_2', 'log_1' or "
                "'log_2' (it is 'fifo')",
            ),
            (
                "feed: {speed: -1}",
                "feed.speed: Input should be greater than 0, or Input should be 'max' (it is -1)",
            ),
            (
                "market_making: {base_spread: .nan}",
                "market_making.base_spread: Input should be a finite number (it is nan)",
            ),
            (
                "risk_limits: {max_position: .inf}",
                "risk_limits.max_position: Input should be a finite number (it is inf)",
            ),
            ("feed: {paths: [a, [2]]}", "feed.paths.1: Input should be a valid string (it is ['2'])"),
            ("market_making: {base_spread: no}", "market_making.base_spread: a number is wanted (it is no)"),
            ("routing: {price_collar: yes}", "routing.price_collar: a number is wanted (it is yes)"),
            (
                "risk_limits: {max_position: 0100}",
                "risk_limits.max_position: a number is wanted (it is 0100)",
            ),
            (
                "risk_limits: {max_position: '0100'}",
                "risk_limits.max_position: a number is wanted (it is '0100')",
            ),
            (
                "risk_limits: {max_position: 1_000}",
                "risk_limits.max_position: a number is wanted (it is 1_000)",
            ),
            (
                "risk_limits: {resume_people: true}",
                "risk_limits.resume_people: a number is wanted (it is true)",
            ),
            ("feed: {seed: 1:30}", "feed.seed: a number is wanted (it is 1:30)"),
            ("feed: {speed: fast}", "feed.speed: a number or 'max' is wanted (it is fast)"),
            (
                "per_symbol: {A/B: {market_making: {base_spread: no}}}",
                "per_symbol.A/B.market_making.base_spread: a number is wanted (it is no)",
            ),
            (
                "feed: {symbols: {A/B: {price: 0100, spread_bps: 1, volatility_bps: 1}}}",
                "feed.symbols.A/B.price: a number is wanted (it is 0100)",
            ),
            ("reporting: {rates: {EUR: 0}}", "reporting.rates.EUR: Input should be greater than 0 (it is 0)"),
            ("market_data: {depth_levels: 50}", "market_data: depth_levels 50 is more than book_levels 20"),
            ("market_making: 5", "market_making is a section: it contains keys, not 5"),
        ],
    )
    def test_a_bad_value_names_file_key_value_and_what_is_allowed(
        self, write: WriteYaml, text: str, error: str
    ) -> None:
        path = write("a.yaml", text)
        assert errors_of(path) == [f"{path}: {error}"]

    def test_a_bad_value_names_the_source_that_won(self, write: WriteYaml) -> None:
        path = write("a.yaml", "gateway: {port: 80}")
        (error,) = errors_of(path, env={"MM__GATEWAY__PORT": "70000"})
        assert error.startswith("env MM__GATEWAY__PORT: gateway.port: ")

    def test_values_that_contradict_each_other_name_all_their_sources(self, write: WriteYaml) -> None:
        path = write("a.yaml", "market_data: {depth_levels: 9}")
        (error,) = errors_of(path, env={"MM__MARKET_DATA__BOOK_LEVELS": "8"})
        assert error.startswith(f"{path}, env MM__MARKET_DATA__BOOK_LEVELS: market_data: depth_levels 9 ")

    def test_a_synthetic_symbol_without_its_instrument_is_refused(self, write: WriteYaml) -> None:
        path = write("a.yaml", "feed: {symbols: {A/B: {price: 1, spread_bps: 1, volatility_bps: 1}}}")
        assert errors_of(path) == [
            f"{path}: feed.symbols names A/B, which needs instruments.A/B with tick_size and lot_size"
        ]

    def test_everything_that_is_wrong_is_said_at_once(self, write: WriteYaml) -> None:
        path = write("a.yaml", "market_making: {base_spred: 1}\nrouting: {price_collar: -1, x: 1}\nfeed: 3")
        errors = errors_of(path, env={"MM__GATEWAY__PORT": "many", "MM__X": "1"})
        assert [error.split(": ")[1] for error in errors] == [
            "unknown key market_making.base_spred; did you mean 'market_making.base_spread'?",
            "unknown key routing.x; known are " + ", ".join(f"routing.{key}" for key in Routing.model_fields),
            "feed is a section",
            "gateway.port",
            "unknown key x; known are " + ", ".join(Config.model_fields),
            "routing.price_collar",
        ]

    def test_a_section_that_is_wrong_in_one_file_does_not_stop_the_next(self, write: WriteYaml) -> None:
        first, second = write("a.yaml", "feed: 3"), write("b.yaml", "feed: {seed: x}")
        errors = errors_of(first, second)
        assert [error.split(": ")[0] for error in errors] == [str(first), str(second)]

    @pytest.mark.parametrize("text", ["", "# nothing\n", "market_making:\n", "market_making: {}\n"])
    def test_what_is_empty_changes_nothing(self, write: WriteYaml, text: str) -> None:
        assert load_config((write("a.yaml", text),), env={}).config == Config()

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("feed: [\n", "line 2"),
            ("feed: {seed: 1}\nfeed: {seed: 2}\n", "key 'feed' is repeated in line 2"),
            ("feed: &a {seed: *a}\n", "aliases stand for over 1,000,000 values, or for themselves"),
            (MULTIPLYING, "aliases stand for over 1,000,000 values, or for themselves"),
            ("feed:\n  seed: 1\n  seed: 2\n", "key 'seed' is repeated in line 3"),
            ("? [a]\n: 1\n", "line 1: a key is a name"),
            ("feed: !!python/object:os.system {}\n", "line 1"),
        ],
    )
    def test_what_is_no_yaml_of_ours_names_the_place(self, write: WriteYaml, text: str, words: str) -> None:
        path = write("a.yaml", text)
        errors = "\n".join(errors_of(path))
        assert errors.startswith(f"{path} is not valid YAML: ")
        assert words in errors

    @pytest.mark.parametrize(("text", "kind"), [("- a\n", "list"), ("hello\n", "text"), ("3\n", "text")])
    def test_the_top_must_hold_sections(self, write: WriteYaml, text: str, kind: str) -> None:
        path = write("a.yaml", text)
        assert errors_of(path) == [f"{path} has a {kind} at the top level: it must have sections (a mapping)"]

    def test_a_file_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        missing = tmp_path / "missing.yaml"
        assert errors_of(missing) == [f"{missing} cannot be read: No such file or directory"]
        assert errors_of(tmp_path) == [f"{tmp_path} cannot be read: Is a directory"]
        latin = tmp_path / "latin.yaml"
        latin.write_bytes(b"feed: {kind: \xe9}")
        assert errors_of(latin)[0].startswith(f"{latin} is not UTF-8 text")


class TestIdentity:
    def test_a_hash_names_a_configuration_and_not_how_it_was_written(self, write: WriteYaml) -> None:
        one = write("a.yaml", "feed: {seed: 3, kind: recorded}")
        other = write("b.yaml", "feed:\n  kind: recorded\n  seed: 3\n")
        hashes = [config_hash(load_config((path,), env={}).config) for path in (one, other)]
        assert hashes[0] == hashes[1]
        assert len(hashes[0]) == 64
        assert hashes[0] != config_hash(Config())

    def test_every_value_is_in_the_hash(self) -> None:
        changed = Config(market_making=MarketMaking(base_spread=0.0020001))
        assert config_hash(changed) != config_hash(Config())

    def test_a_configuration_survives_json_and_yaml(self, write: WriteYaml) -> None:
        values = json.loads(Config().model_dump_json())
        path = write("a.yaml", yaml.safe_dump(values))
        assert config_hash(load_config((path,), env={}).config) == config_hash(Config())

    def test_the_version_names_the_release(self) -> None:
        assert code_version().split("+")[0].count(".") == 2


class TestCommit:
    COMMIT = "4f428c3" + "0" * 33

    def test_a_loose_branch(self, tmp_path: Path) -> None:
        (tmp_path / "refs/heads").mkdir(parents=True)
        (tmp_path / "HEAD").write_text("ref: refs/heads/main\n")
        (tmp_path / "refs/heads/main").write_text(f"{self.COMMIT}\n")
        assert _commit(tmp_path) == self.COMMIT

    def test_a_packed_branch(self, tmp_path: Path) -> None:
        (tmp_path / "HEAD").write_text("ref: refs/heads/main\n")
        (tmp_path / "packed-refs").write_text(f"# pack-refs with: peeled\n{self.COMMIT} refs/heads/main\n")
        assert _commit(tmp_path) == self.COMMIT

    def test_a_commit_without_a_branch(self, tmp_path: Path) -> None:
        (tmp_path / "HEAD").write_text(f"{self.COMMIT}\n")
        assert _commit(tmp_path) == self.COMMIT

    def test_no_repository(self, tmp_path: Path) -> None:
        assert _commit(tmp_path / ".git") is None
