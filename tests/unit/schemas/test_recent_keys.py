"""The memory of natural keys."""

from schemas.recent_keys import RecentKeys


def test_a_key_is_new_once() -> None:
    keys = RecentKeys(10)
    assert keys.is_new("a")
    assert not keys.is_new("a")
    assert keys.is_new("b")
    assert keys.digest_state() == (2, "b")


def test_keys_are_remembered_up_to_the_limit() -> None:
    keys = RecentKeys(1_000)
    for number in range(1_001):
        assert keys.is_new(str(number))
    assert len(keys) == 1_000
    assert not keys.is_new("1")
    assert keys.is_new("0"), "the oldest was forgotten"
