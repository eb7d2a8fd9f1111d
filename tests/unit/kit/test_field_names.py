"""A mistyped field fails in a test's own messages, and is ignored in what is read."""

import pytest

from schemas.config import Config
from schemas.orders import Fill
from tests.kit.messages import fill


def test_a_mistyped_field_of_a_message_fails_with_the_nearest_name() -> None:
    with pytest.raises(TypeError, match="Fill has no field 'liquidty'; did you mean 'liquidity'"):
        fill(liquidty="taker")


def test_a_mistyped_field_of_a_copy_fails_with_the_nearest_name() -> None:
    with pytest.raises(TypeError, match="Fill has no field 'size_lot'; did you mean 'size_lots'"):
        fill().model_copy(update={"size_lot": 3})


def test_what_is_read_may_have_fields_of_a_later_version() -> None:
    later = fill().model_dump(mode="json") | {"of_a_later_version": 1}
    assert Fill.model_validate(later) == fill()


def test_a_setting_that_is_given_by_a_wrong_name_is_refused_as_ever() -> None:
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        Config.model_validate({"fed": {}})
