"""What was changed live stays until the file's value of that key changes."""

from decimal import Decimal

import pytest

from schemas.config import Config
from schemas.live_values import fallen, file_of, overlaid, with_change
from schemas.process import ConfigApplied, LiveValue, SettingApplied
from tests.kit.messages import config_applied

LOSS = "risk_limits.max_loss"


def live(key: str, value: str, file_value: str) -> LiveValue:
    return LiveValue(setting_key=key, value=value, file_value=file_value)


def file_with(**sections: dict[str, object]) -> Config:
    return Config.model_validate(sections)


def test_a_live_value_stays_while_the_file_says_the_same() -> None:
    value = live(LOSS, "-400", "-500")
    config, standing = overlaid(Config(), [value])
    assert config.risk_limits.max_loss == Decimal(-400)
    assert standing == (value,)
    assert fallen(Config(), [value]) == ()


@pytest.mark.parametrize("file_loss", ["-300", "-400", "-900"])
def test_the_file_counts_again_when_its_value_changes(file_loss: str) -> None:
    """Also where it now says what was set live: from then on it goes with the file."""
    file = file_with(risk_limits={"max_loss": file_loss})
    value = live(LOSS, "-400", "-500")
    config, standing = overlaid(file, [value])
    assert config == file
    assert standing == ()
    assert fallen(file, [value]) == ((value, f"the file changed from -500 to {file_loss}"),)


def test_another_key_of_the_file_makes_nothing_fall() -> None:
    file = file_with(risk_limits={"account_max_loss": "-3000"})
    config, standing = overlaid(file, [live(LOSS, "-400", "-500")])
    assert config.risk_limits.max_loss == Decimal(-400)
    assert config.risk_limits.account_max_loss == Decimal(-3000)
    assert len(standing) == 1


def test_how_a_number_is_written_is_no_change() -> None:
    file = file_with(risk_limits={"max_loss": "-500.00"})
    _, standing = overlaid(file, [live(LOSS, "-400", "-500")])
    assert len(standing) == 1


def test_a_value_that_is_out_of_bounds_in_this_release_falls_alone_and_is_named() -> None:
    bad, good = live("shape.levels", "1000000", "1"), live(LOSS, "-400", "-500")
    config, standing = overlaid(Config(), [bad, good])
    assert standing == (good,)
    assert config == overlaid(Config(), [good])[0]
    ((value, because),) = fallen(Config(), [bad, good])
    assert value == bad
    assert "shape.levels cannot be '1000000'" in because


def test_a_key_that_is_no_longer_a_live_one_falls() -> None:
    value = live("pricing.of_an_older_release", "1", "2")
    config, standing = overlaid(Config(), [value])
    assert (config, standing) == (Config(), ())
    assert "can no longer be changed" in fallen(Config(), [value])[0][1]


def applied(value: str, refused_because: str | None = None) -> SettingApplied:
    return SettingApplied(
        event_time_ns=1,
        process="risk-service",
        change_id="c-1",
        setting_key=LOSS,
        value=value,
        refused_because=refused_because,
    )


def began(*values: LiveValue) -> ConfigApplied:
    config, standing = overlaid(Config(), values)
    return config_applied(config, "*", live_settings=standing, time_ns=1)


def test_a_change_becomes_a_live_value_of_what_the_file_said() -> None:
    assert with_change(began(), (), applied("-400")) == (live(LOSS, "-400", "-500"),)
    first = live(LOSS, "-400", "-500")
    assert file_of(began(first)) == Config()
    assert with_change(began(first), (first,), applied("-300")) == (live(LOSS, "-300", "-500"),)


def test_a_change_back_to_the_files_value_goes_with_the_file_again() -> None:
    """And one after that is measured by the file again, not by what was live when the session began."""
    first = live(LOSS, "-400", "-500")
    back = with_change(began(first), (first,), applied("-500.0"))
    assert back == ()
    assert with_change(began(first), back, applied("-450")) == (live(LOSS, "-450", "-500"),)


def test_a_refused_change_is_none() -> None:
    assert with_change(began(), (), applied("-500", "a second person has to agree")) == ()
