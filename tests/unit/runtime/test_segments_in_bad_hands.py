"""A log some of whose files were lost, renamed or added: refused with the remedy, or read on, and said."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from runtime.errors import LogDamagedError
from runtime.log.figures import log_figures
from runtime.log.finding import find_records
from runtime.log.keeper import LogKeeper
from runtime.log.logfile import LogFileBus, read_log
from runtime.log.position import LogPosition
from runtime.log.segments import first_record_of, is_closed, open_segment, plain_path, segment_files, segments
from runtime.log.slices import log_records
from schemas.deployment import Keep
from schemas.process import SettingApplied
from schemas.units import NS_PER_S
from tests.unit.runtime.kept_logs import RECORDS, T0, publish, write_segments

TRADES = frozenset({"market.trade"})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "log"
    write_segments(folder)
    keeping = LogKeeper(folder, Keep(), begins=lambda _: frozenset(), pause_share=0.0)
    keeping.start()
    assert keeping.wait(60)
    keeping.stop()
    assert [is_closed(path) for path in segment_files(folder)[-3:]] == [True, True, False]
    return folder


@pytest.fixture
def log(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "log"))


def loses_one(files: list[Path]) -> str:
    files[1].unlink()
    first, later = first_record_of(files[1]), first_record_of(files[2])
    return f"lacks records {first} to {later - 1}, before {files[2].name}: restore their file"


def takes_one_of_another_log(files: list[Path]) -> str:
    other = files[1].with_name(f"{first_record_of(files[1]) + 7:020d}.log")
    other.write_bytes(b"")
    return f"{other} should start with record {first_record_of(files[2])}"


def takes_a_newest_of_another_log(files: list[Path]) -> str:
    other = files[-1].with_name(f"{RECORDS + 100:020d}.log")
    shutil.copy(files[-1], other)
    return f"lacks records {RECORDS} to {RECORDS + 99}, before {other.name}.*if it belongs to another log"


def renames_one(files: list[Path]) -> str:
    files[1].rename(files[1].with_name(f"{first_record_of(files[1]) + 7:020d}.log.zst"))
    return f"contains segment {first_record_of(files[1]):020d} according to its index: the file was renamed"


def swaps_two(files: list[Path]) -> str:
    aside = files[1].with_name("aside")
    files[1].rename(aside)
    files[2].rename(files[1])
    aside.rename(files[2])
    return f"{files[1]} contains segment {first_record_of(files[2]):020d}"


@pytest.mark.parametrize(
    "change",
    [loses_one, takes_one_of_another_log, takes_a_newest_of_another_log, renames_one, swaps_two],
)
def test_a_reading_over_it_is_refused_and_names_the_file(
    log: Path, change: Callable[[list[Path]], str]
) -> None:
    wanted = change(segment_files(log))
    with pytest.raises(LogDamagedError, match=wanted):
        list(read_log(log))
    with pytest.raises(LogDamagedError, match=wanted):
        LogFileBus(log)


def test_what_comes_after_is_read(log: Path, whole: Path) -> None:
    files = segment_files(log)
    files[1].unlink()
    begin = first_record_of(files[2])
    assert list(read_log(log, LogPosition(begin, 0, begin))) == list(read_log(whole))[begin:]
    with pytest.raises(LogDamagedError, match="lacks records"):
        list(read_log(log, LogPosition(first_record_of(files[1]), 0, first_record_of(files[1]))))


def test_a_place_behind_the_newest_segment_is_refused(log: Path) -> None:
    with pytest.raises(LogDamagedError, match=f"lacks its newest segment, {RECORDS + 1:020d}"):
        list(read_log(log, LogPosition(RECORDS + 1, 0, RECORDS + 1)))


def test_a_search_goes_on_behind_what_is_missing_and_says_so(log: Path) -> None:
    files = segment_files(log)
    files[1].unlink()
    with structlog.testing.capture_logs() as said:
        found = list(find_records(log, (SettingApplied.type_name,), past_damage=True))
    assert found
    (line,) = said
    wanted = f"lacks records {first_record_of(files[1])} to {first_record_of(files[2]) - 1}"
    assert wanted in line["because"]
    with pytest.raises(LogDamagedError, match=wanted):
        list(find_records(log, (SettingApplied.type_name,)))


def test_a_folder_that_is_named_like_a_segment_is_none(log: Path) -> None:
    files = segment_files(log)
    (log / f"{3:020d}.log").mkdir()
    assert segments(log) == files


def test_other_files_are_left_alone(log: Path) -> None:
    files = segment_files(log)
    others = [log / "notes.txt", log / f"{files[0].name}.orig", log / "core"]
    for path in others:
        path.write_bytes(b"x")
    bus = LogFileBus(log)
    publish(bus, RECORDS)
    asyncio.run(bus.close())
    assert segment_files(log) == files
    assert all(path.read_bytes() == b"x" for path in others)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_damaged_closed_segment_costs_its_own_time_alone(log: Path, number: int) -> None:
    """A page asks for other times, and the list of segments names it."""
    files = segment_files(log)
    files[number].write_bytes(b"")
    begin, end = first_record_of(files[3]), first_record_of(files[4])
    found = log_records(log, TRADES, T0 + (begin + 5) * NS_PER_S, T0 + (end - 5) * NS_PER_S)
    times = [record.envelope.event_time_ns for record, _ in found]
    assert T0 + (begin + 5) * NS_PER_S in times
    figures = log_figures(log)
    assert [each.is_damaged for each in figures.segments].index(True) == number
    assert sum(each.is_damaged for each in figures.segments) == 1
    with structlog.testing.capture_logs() as said:
        assert list(find_records(log, (SettingApplied.type_name,), past_damage=True))
    assert [line["event"] for line in said] == ["log_damaged"]
    with pytest.raises(LogDamagedError, match=str(files[number])):
        list(find_records(log, (SettingApplied.type_name,)))
    with pytest.raises(LogDamagedError, match=str(files[number])):
        list(log_records(log, TRADES, 0, T0 + RECORDS * NS_PER_S))


def test_a_damaged_line_of_a_segment_that_could_not_be_closed_is_named(log: Path) -> None:
    files = segment_files(log)
    with open_segment(files[1]) as file:
        text = file.read()
    plain_path(files[1]).write_bytes(text.replace(b'"BTC/USDT"', b'"BTC/USDC"', 1))
    files[1].unlink()
    with pytest.raises(LogDamagedError, match=f"{plain_path(files[1])} is damaged before byte"):
        list(log_records(log, TRADES, 0, T0 + RECORDS * NS_PER_S))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_empty_file_hides_nothing_of_other_segments(log: Path, number: int) -> None:
    """As it stands where a crash came before its first byte was on the disk, or somebody emptied it."""
    files = segment_files(log)
    times = [
        record.envelope.event_time_ns for record, _ in log_records(log, TRADES, 0, T0 + RECORDS * NS_PER_S)
    ]
    begin, end = (T0 + first_record_of(files[each]) * NS_PER_S for each in (number, number + 1))
    plain_path(files[number]).write_bytes(b"")
    files[number].unlink()
    kept = [each for each in times if not begin <= each < end]
    for since in kept[::7]:
        found = log_records(log, TRADES, since, T0 + RECORDS * NS_PER_S)
        assert [each for record, _ in found if (each := record.envelope.event_time_ns) >= since] == [
            each for each in kept if each >= since
        ]
