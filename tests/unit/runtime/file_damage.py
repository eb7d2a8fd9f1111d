"""What happens to files: by disks, by power cuts, and by who edits them."""

from collections.abc import Callable

Damage = Callable[[bytes, int, int], bytes]


def cut(data: bytes, a: int, b: int) -> bytes:
    return data[:a]


def zero(data: bytes, a: int, b: int) -> bytes:
    return data[:a] + bytes(b - a) + data[b:]


def zero_to_the_end(data: bytes, a: int, b: int) -> bytes:
    return data[:a] + bytes(len(data) - a)


def take_out(data: bytes, a: int, b: int) -> bytes:
    return data[:a] + data[b:]


def flip(data: bytes, a: int, b: int) -> bytes:
    return data[:a] + bytes([data[a] ^ 4]) + data[a + 1 :] if a < len(data) else data


def lines(change: Callable[[list[bytes], int, int], list[bytes]]) -> Damage:
    """By whole lines, as whoever edits a file does."""

    def damage(data: bytes, a: int, b: int) -> bytes:
        found = data.splitlines(keepends=True)
        return b"".join(change(found, data[:a].count(b"\n"), data[:b].count(b"\n")))

    return damage


DAMAGES: dict[str, Damage] = {
    "cut": cut,
    "zeros": zero,
    "zeros to the end": zero_to_the_end,
    "a piece less": take_out,
    "a bit": flip,
    "half its lines": lines(lambda found, a, b: found[:a]),
    "lines less in the middle": lines(lambda found, a, b: found[:a] + found[b:]),
    "lines twice": lines(lambda found, a, b: found[:b] + found[a:]),
    "lines in another order": lines(lambda found, a, b: found[:a] + found[b:] + found[a:b]),
}
