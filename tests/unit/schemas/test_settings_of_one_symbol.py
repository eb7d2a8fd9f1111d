"""Settings of one symbol: keys, values, who has to agree, and what a start keeps of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maker.composition import process_definition
from runtime.config.settings import config_hash
from schemas.config import Config
from schemas.live_settings import (
    LIVE_SETTINGS,
    SYMBOL_SETTINGS,
    changed,
    effective_of,
    envelope_of,
    needs_second_person,
    touched_by,
    value_of,
)
from schemas.live_values import fallen, file_of, overlaid, with_change
from schemas.process import ConfigApplied, LiveValue, SettingApplied
from schemas.setting_keys import OF_ACCOUNT, SettingKey, own_key
from schemas.topics import INVENTORY, QUOTE, RISK, ROUTER
from tests.kit.messages import setting_change

BTC = "BTC/USDT"
EDGE, POSITION = "pricing.min_edge_bps", "risk_limits.max_position"


def own(key: str, symbol: str = BTC) -> str:
    return own_key(symbol, key)


def with_people(config: Config, people: int) -> Config:
    return config.model_copy(
        update={"risk_limits": config.risk_limits.model_copy(update={"resume_people": people})}
    )


SYMBOLS = st.text(
    st.characters(codec="ascii", min_codepoint=33, exclude_characters="*"), min_size=1, max_size=20
)


@given(SYMBOLS, st.sampled_from(sorted(SYMBOL_SETTINGS)))
def test_a_key_has_its_parts_whatever_the_symbol_is_called(symbol: str, key: str) -> None:
    section, _, name = key.partition(".")
    assert SettingKey.of(own_key(symbol, key)) == (symbol, section, name)
    assert str(SettingKey.of(own_key(symbol, key))) == own_key(symbol, key)


def test_one_syntax_serves_file_and_change() -> None:
    """What a file says and what a change says is one configuration, to the hash."""
    file = Config.model_validate({"per_symbol": {BTC: {"pricing": {"min_edge_bps": 1.5}}}})
    assert config_hash(changed(Config(), own(EDGE), "1.5")) == config_hash(file)
    assert value_of(file, own(EDGE)) == "1.5"


VALUES = {
    "market_making.base_spread": ("0.003", "0.003"),
    "pricing.min_edge_bps": ("null", "null"),
    "pricing.fair_value": ("weighted_mid", "weighted_mid"),
    "model.name": ("glft", "glft"),
    "model.counts_fee": ("false", "false"),
    "shape.bid_level_offsets_bps": ("[0, 5, 10]", "[0.0, 5.0, 10.0]"),
    "shape.levels": ("3", "3"),
    "inventory.target_inventory": ("-2.50", "-2.50"),
    "risk_limits.max_loss": ("-100", "-100"),
    "risk_limits.max_position_notional": ("1000", "1000"),
}


@pytest.mark.parametrize("key", sorted(VALUES))
def test_a_value_of_any_kind_comes_and_goes(key: str) -> None:
    text, shown = VALUES[key]
    before = Config()
    after = changed(before, own(key), text)
    assert value_of(after, own(key)) == effective_of(after, own(key)) == shown
    assert value_of(after, own(key, "ETH/USDT")) == OF_ACCOUNT
    section, _, name = key.partition(".")
    ours, theirs = (getattr(getattr(after.of_symbol(each), section), name) for each in (BTC, "ETH/USDT"))
    assert theirs == getattr(getattr(before, section), name) != ours
    assert changed(after, own(key), OF_ACCOUNT) == before


@pytest.mark.parametrize("key", sorted(SYMBOL_SETTINGS))
def test_every_own_setting_can_be_said_again_as_it_stands(key: str) -> None:
    """Its text form is a value that it takes; each has readers."""
    before = Config()
    shown = effective_of(before, own(key))
    assert effective_of(changed(before, own(key), shown), own(key)) == shown
    assert SYMBOL_SETTINGS[key].processes


@pytest.mark.parametrize(
    ("value", "people", "second"),
    [
        ("50", 2, False),
        ("101", 1, True),
        ("101", 2, True),
        ("20", 1, False),
        ("20", 2, True),
        ("100", 1, False),
        (OF_ACCOUNT, 1, False),
        (OF_ACCOUNT, 2, True),
        ("5", 2, False),
    ],
)
def test_who_has_to_agree(value: str, people: int, second: bool) -> None:
    """From 10 of its own, where the account has 100; from none the 50."""
    config = with_people(Config(), people)
    if value != "50":
        config = changed(config, own(POSITION), "10")
    assert needs_second_person(config, own(POSITION), value) is second


def test_parameters_take_one_person() -> None:
    assert not needs_second_person(with_people(Config(), 2), own(EDGE), "9")


def test_the_envelope_is_the_accounts_limit_or_what_two_agreed_to() -> None:
    assert envelope_of(Config(), own(POSITION)) == "100"
    assert envelope_of(changed(Config(), own(POSITION), "10"), own(POSITION)) == "100"
    assert envelope_of(changed(Config(), own(POSITION), "150"), own(POSITION)) == "150"


def test_a_change_of_all_touches_those_without_an_own_value() -> None:
    config = changed(Config(), own(POSITION), "10")
    symbols = (BTC, "ETH/USDT")
    assert touched_by(config, POSITION, symbols) == ("ETH/USDT",)
    assert touched_by(config, "routing.price_collar", symbols) == symbols
    assert touched_by(config, own(POSITION), symbols) == (BTC,)


@pytest.mark.parametrize(
    ("key", "value", "readers"),
    [
        (EDGE, "1.5", {QUOTE}),
        ("model.name", "glft_exact", {QUOTE}),
        ("inventory.target_inventory", "2", {INVENTORY}),
        ("inventory.max_inventory", "50", {QUOTE, INVENTORY}),
        (POSITION, "50", {QUOTE, ROUTER, RISK}),
        ("risk_limits.max_position_notional", "500", {QUOTE, ROUTER, RISK}),
        ("risk_limits.max_loss", "-50", {RISK}),
    ],
)
def test_each_process_that_reads_it_answers_alike(key: str, value: str, readers: set[str]) -> None:
    answers: dict[str, tuple[str, str, str | None]] = {}
    for process in (QUOTE, ROUTER, INVENTORY, RISK):
        core = process_definition(process).make_core(Config())
        said = [
            each
            for each in core.on_event(setting_change(own(key), value))
            if isinstance(each, SettingApplied)
        ]
        answers |= {each.process: (each.setting_key, each.value, each.refused_because) for each in said}
    assert answers == dict.fromkeys(readers, (own(key), value, None))


def test_a_looser_limit_on_the_bus_with_one_name_is_refused_by_every_reader() -> None:
    for process in (ROUTER, RISK):
        core = process_definition(process).make_core(with_people(Config(), 2))
        (refused,) = [
            each
            for each in core.on_event(setting_change(own(POSITION), "101"))
            if isinstance(each, SettingApplied)
        ]
        assert "a second person has to agree" in str(refused.refused_because)
        (taken, *_) = core.on_event(setting_change(own(POSITION), "101", "c2", approver="bob"))
        assert isinstance(taken, SettingApplied)
        assert (taken.value, taken.refused_because) == ("101", None)


def began(config: Config) -> ConfigApplied:
    return ConfigApplied(event_time_ns=1, process="*", config_hash="h", code_version="v", config=config)


def test_an_own_value_outlives_a_start_until_the_file_says_another() -> None:
    applied = SettingApplied(
        event_time_ns=1, process=QUOTE, change_id="c", setting_key=own(EDGE), value="1.5"
    )
    (live,) = with_change(began(Config()), (), applied)
    assert live == LiveValue(setting_key=own(EDGE), value="1.5", file_value=OF_ACCOUNT)
    config, standing = overlaid(Config(), (live,))
    assert (value_of(config, own(EDGE)), standing) == ("1.5", (live,))
    again = began(config).model_copy(update={"live_settings": (live,)})
    assert file_of(again) == Config()
    file = Config.model_validate({"per_symbol": {BTC: {"pricing": {"min_edge_bps": 2}}}})
    assert [because for _, because in fallen(file, (live,))] == ["the file changed from account to 2.0"]
    back = applied.model_copy(update={"value": OF_ACCOUNT})
    assert with_change(again, (live,), back) == ()


@pytest.mark.parametrize(
    ("value", "account", "falls"),
    [("90", "2", True), ("90", "95", False), ("90", "120", False), ("1", "2", False), ("200", "100", False)],
)
def test_an_own_limit_falls_where_the_file_is_tightened_below_it(
    value: str, account: str, falls: bool
) -> None:
    """With the account's at 100 then; one that was agreed to beyond it stays while that stays."""
    key = own("risk_limits.max_position")
    applied = SettingApplied(event_time_ns=1, process=RISK, change_id="c", setting_key=key, value=value)
    (live,) = with_change(began(Config()), (), applied)
    assert live.account_value == "100"
    file = Config.model_validate({"risk_limits": {"max_position": account}})
    config, standing = overlaid(file, (live,))
    assert (value_of(config, key), standing) == ((OF_ACCOUNT, ()) if falls else (value, (live,)))
    if falls:
        because = "the file's risk_limits.max_position was tightened from 100 to 2"
        assert fallen(file, (live,)) == ((live, because),)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_drawdown": -0.1}, "risk_limits.max_drawdown is one for all symbols"),
        ({"max_positon": 5}, "did you mean 'max_position'"),
        ({"max_loss": 5}, "less than 0"),
    ],
)
def test_a_files_limits_of_a_symbol_are_checked(limits: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Config.model_validate({"per_symbol": {BTC: {"risk_limits": limits}}})


def test_account_wide_settings_are_those_of_before() -> None:
    for key in LIVE_SETTINGS:
        assert value_of(Config(), key) == effective_of(Config(), key)
        assert SettingKey.of(key).symbol is None
    assert Decimal(effective_of(Config(), POSITION)) == 100
