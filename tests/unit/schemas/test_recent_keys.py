"""The memory of natural keys."""

from schemas.recent_keys import RecentKeys


def test_a_key_is_new_once() -> None:
    keys = RecentKeys(10)
    assert keys.add("a")
    assert not keys.add("a")
    assert keys.add("b")
    assert keys.digest_state() == (2, "b")


def test_keys_are_remembered_up_to_the_limit() -> None:
    keys = RecentKeys(1_000)
    for number in range(1_001):
        assert keys.add(str(number))
    assert len(keys) == 1_000
    assert not keys.add("1")
    assert keys.add("0"), "the oldest was forgotten"
