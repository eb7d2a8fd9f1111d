"""Closed segments: they read as their text did, a crash while closing is no damage, and damage is named."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest
import zstandard

from runtime.bus import TopicPartition
from runtime.errors import LogDamagedError, LogGoneError
from runtime.log.closing import close_segment
from runtime.log.finding import find_records
from runtime.log.lines import COLUMNS_MARK, line_of
from runtime.log.logfile import LogFileBus, LoggedRecord, read_log
from runtime.log.packed import FrameReader, frame_texts, read_index, recoverable_texts
from runtime.log.segments import closed_path, is_closed, open_segment, segment_files, segment_of
from runtime.log.slices import first_time_ns, last_time_ns, log_records
from runtime.log.verify import verify_log
from schemas.process import SettingApplied
from schemas.units import NS_PER_S
from tests.unit.runtime.kept_logs import FRAME_BYTES, RECORDS, T0, publish, write_segments

GOLDEN_RECORDS = 118
GOLDEN_SIGNALS = 14
GOLDEN_DIGEST = "1fbb47f94faba82e151e544de275e1aaf4d7fd5584f5f82f835a69cabccad166"
"""Of half a second of a hundred symbols, closed by the code of its time, in both forms."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of several plain segments."""
    folder = tmp_path_factory.mktemp("written") / "log"
    write_segments(folder)
    return folder


@pytest.fixture
def plain(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "plain"))


@pytest.fixture
def closed(written: Path, tmp_path: Path) -> Path:
    """The same, with all but the newest closed."""
    folder = Path(shutil.copytree(written, tmp_path / "closed"))
    for path in segment_files(folder)[:-1]:
        close_segment(path, frame_bytes=FRAME_BYTES)
        path.unlink()
    assert [is_closed(path) for path in segment_files(folder)][-2:] == [True, False]
    return folder


def slices(folder: Path, first: int, last: int, cursor: str | None = None) -> list[tuple[LoggedRecord, str]]:
    topics = frozenset({"market.trade", "process.setting"})
    return list(log_records(folder, topics, T0 + first * NS_PER_S, T0 + last * NS_PER_S, cursor))


def test_a_closed_log_reads_as_its_text_did(plain: Path, closed: Path) -> None:
    assert list(read_log(closed)) == list(read_log(plain))
    wanted = (SettingApplied.type_name,)
    assert list(find_records(closed, wanted)) == list(find_records(plain, wanted))
    assert len(list(find_records(closed, wanted))) == RECORDS // 60
    assert first_time_ns(closed) == first_time_ns(plain)
    assert last_time_ns(closed) == last_time_ns(plain)


@pytest.mark.parametrize(("first", "last"), [(0, 239), (10, 12), (77, 150), (235, 500), (500, 600)])
def test_slices_and_their_cursors_are_the_same(plain: Path, closed: Path, first: int, last: int) -> None:
    def in_stretch(folder: Path) -> list[tuple[LoggedRecord, str]]:
        begin, end = T0 + first * NS_PER_S, T0 + last * NS_PER_S
        return [
            each for each in slices(folder, first, last) if begin <= each[0].envelope.event_time_ns <= end
        ]

    found = in_stretch(closed)
    assert found == in_stretch(plain)
    assert len(found) == max(0, min(last, RECORDS - 1) - first + 1)
    for place in range(0, len(found), 7):
        cursor = found[place][1]
        assert slices(closed, first, last, cursor) == slices(plain, first, last, cursor)
        assert slices(closed, first, last, cursor)[: len(found) - place - 1] == found[place + 1 :]


def test_a_log_opens_and_is_read_from_any_commit_on(written: Path, closed: Path, tmp_path: Path) -> None:
    """Of what was closed meanwhile too."""
    bus = LogFileBus(tmp_path / "again", segment_bytes_max=20_000)
    standings = []
    for number in range(RECORDS):
        publish(bus, number)
        if number % 3 == 2:
            bus.commit()
            standings.append(bus.standing)
    asyncio.run(bus.close())
    whole = list(read_log(written))
    for standing in standings:
        assert list(read_log(closed, standing.position)) == whole[standing.position.records :]
        opened = LogFileBus(closed, standing=standing)
        assert opened.standing == standings[-1]
        asyncio.run(opened.close())


def test_an_index_says_what_the_writer_knew(plain: Path, closed: Path) -> None:
    for path in segment_files(closed)[:-1]:
        index = read_index(path)
        begin = int(segment_of(path))
        records = list(read_log(plain))[begin : begin + index.records]
        assert index.first_time_ns == records[0].envelope.event_time_ns
        assert index.last_time_ns == records[-1].envelope.event_time_ns
        assert index.ends.position.records == begin + len(records)
        assert index.raw_bytes == (plain / f"{segment_of(path)}.log").stat().st_size
        until = list(read_log(plain))[: begin + len(records)]
        for topic in ("market.trade", "process.setting"):
            offsets = [each.offset for each in until if each.topic == topic]
            assert index.ends.offsets.get(topic, 0) == (offsets[-1] + 1 if offsets else 0)
    chained = [read_index(path) for path in segment_files(closed)[:-1]]
    assert chained[0].before == ""
    assert [each.before for each in chained[1:]] == [each.digest for each in chained[:-1]]


def test_the_text_is_there_without_the_index(plain: Path, closed: Path) -> None:
    for path in segment_files(closed)[:-1]:
        text = (plain / f"{segment_of(path)}.log").read_bytes()
        assert b"".join(recoverable_texts(path)) == text
        frames = read_index(path).frames
        whole = path.read_bytes()
        path.write_bytes(whole[: frames[0].packed_bytes + frames[1].packed_bytes - 1])
        left = recoverable_texts(path)
        assert next(left) == text[: frames[0].raw_bytes]
        with pytest.raises(LogDamagedError, match="damaged in frame 2"):
            next(left)


def test_a_closed_segment_is_frames_of_zstandard(closed: Path) -> None:
    for path in segment_files(closed)[:-1]:
        with path.open("rb") as file:
            reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            assert reader.read().startswith(COLUMNS_MARK)
        if shutil.which("zstd"):
            subprocess.run(["zstd", "-t", path], capture_output=True, check=True)


def test_what_does_not_come_back_from_columns_is_kept_as_text(plain: Path) -> None:
    path = segment_files(plain)[0]
    odd = line_of(b'{"topic":"market.trade","note":"\x01"}') + line_of(b'{"commit":1}')
    path.write_bytes(odd * 40 + path.read_bytes())
    text = path.read_bytes()
    close_segment(path, frame_bytes=FRAME_BYTES)
    frames = list(frame_texts(closed_path(path)))
    assert b"".join(frames) == text == b"".join(recoverable_texts(closed_path(path)))
    packed = closed_path(path).read_bytes()
    begins = read_index(closed_path(path)).packed_offsets()
    contents = [zstandard.ZstdDecompressor().decompress(packed[begin:]) for begin in begins[:-1]]
    is_text = [not content.startswith(COLUMNS_MARK) for content in contents]
    assert is_text == [b"\x01" in frame for frame in frames]
    assert {True, False} == set(is_text)


@pytest.mark.parametrize("form", ["text", "columns-1"])
def test_segments_closed_by_earlier_code_are_read(form: str, tmp_path: Path) -> None:
    """As all closed segments were before there were columns, and as the first columns were."""
    folder = tmp_path / "log"
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("closed_logs") / f"{form}.log.zst", folder / f"{0:020d}.log.zst")
    assert read_index(folder / f"{0:020d}.log.zst").digest == GOLDEN_DIGEST
    proof = verify_log(folder)
    assert (proof.records, proof.problems) == (GOLDEN_RECORDS, [])
    assert len(list(read_log(folder))) == GOLDEN_RECORDS
    assert len(list(find_records(folder, ("market.signal.v1",)))) == GOLDEN_SIGNALS


def test_frames_end_with_commits(closed: Path) -> None:
    frames = FrameReader(segment_files(closed)[0])
    assert len(frames.index.frames) > 5
    for number in range(len(frames.index.frames)):
        assert b'{"commit":' in frames.text(number).splitlines()[-1]
    frames.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Which frames were read, of which segments."""
    seen: list[tuple[str, int]] = []
    text = FrameReader.text

    def noting(self: FrameReader, number: int) -> bytes:
        seen.append((segment_of(Path(self._file.name)), number))
        return text(self, number)

    monkeypatch.setattr(FrameReader, "text", noting)
    return seen


def test_a_stretch_of_time_touches_its_frames_alone(closed: Path, opened: list[tuple[str, int]]) -> None:
    found = [record.envelope.event_time_ns for record, _ in slices(closed, 70, 72)]
    assert {T0 + number * NS_PER_S for number in (70, 71, 72)} <= set(found)
    assert len({name for name, _ in opened}) == 1
    assert 1 <= len(opened) <= 3  # of dozens: a frame has some six records, and times may be 2 s out of order


def test_rare_records_are_found_without_the_other_frames(closed: Path, opened: list[tuple[str, int]]) -> None:
    assert len(list(find_records(closed, (SettingApplied.type_name,)))) == RECORDS // 60
    assert len(opened) <= RECORDS // 60
    opened.clear()
    forever = 1 << 62
    assert len(list(log_records(closed, frozenset({"process.setting"}), 0, forever))) == RECORDS // 60
    assert len(opened) <= RECORDS // 60


def test_reading_a_segment_holds_one_frame_of_it(closed: Path, opened: list[tuple[str, int]]) -> None:
    with open_segment(segment_files(closed)[0]) as file:
        for _ in range(3):
            file.readline()
    assert opened == [(segment_of(segment_files(closed)[0]), 0)]


def test_damage_in_a_closed_segment_is_named_with_file_and_frame(closed: Path) -> None:
    path = segment_files(closed)[1]
    index = read_index(path)
    data = bytearray(path.read_bytes())
    data[index.packed_offsets()[2] + index.frames[2].packed_bytes // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(LogDamagedError, match=rf"{path.name} is damaged in frame 3 of {len(index.frames)}"):
        list(read_log(closed))
    with pytest.raises(LogDamagedError, match="frame 3"):
        slices(closed, 0, RECORDS)


def test_a_damaged_index_is_named(closed: Path) -> None:
    path = segment_files(closed)[0]
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    with pytest.raises(LogDamagedError, match=f"the index at the end of {path}"):
        list(read_log(closed))


def test_a_damaged_text_is_not_closed(plain: Path) -> None:
    path = segment_files(plain)[0]
    path.write_bytes(path.read_bytes().replace(b'"price_ticks":1', b'"price_ticks":2', 1))
    with pytest.raises(LogDamagedError, match=f"{path} line 1 is damaged"):
        close_segment(path)
    assert segment_files(plain)[0] == path
    assert not list(plain.glob("*.partial"))


def test_both_files_of_a_segment_are_no_damage(plain: Path) -> None:
    whole = list(read_log(plain))
    for path in segment_files(plain)[:-1]:
        close_segment(path, frame_bytes=FRAME_BYTES)
    assert all(closed_path(path).exists() for path in segment_files(plain)[:-1])
    assert list(read_log(plain)) == whole


def test_a_segment_that_is_closed_while_it_is_read_is_read_on(plain: Path) -> None:
    whole = list(read_log(plain))
    reading = read_log(plain)
    found = [next(reading)]
    for path in segment_files(plain)[:-1]:
        close_segment(path, frame_bytes=FRAME_BYTES)
        path.unlink()
    assert found + list(reading) == whole


def test_a_segment_that_is_deleted_while_it_is_read_is_said_so(closed: Path) -> None:
    reading = read_log(closed)
    next(reading)
    segment_files(closed)[1].unlink()
    with pytest.raises(LogGoneError, match="was deleted by retention while the log was being read"):
        list(reading)


def test_an_hour_of_event_time_closes_a_segment(tmp_path: Path) -> None:
    bus = LogFileBus(tmp_path)
    for number in (0, 1, 3_599, 3_600, 3_601, 7_199):
        publish(bus, number)
        bus.commit()
    asyncio.run(bus.close())
    assert [segment_of(path) for path in segment_files(tmp_path)] == [f"{0:020d}", f"{4:020d}"]
    again = LogFileBus(tmp_path)
    publish(again, 7_201)
    again.commit()
    assert again.segment == 7
    asyncio.run(again.close())


def test_a_time_that_cannot_be_closes_one_segment_and_no_more(tmp_path: Path) -> None:
    """The log's newest time stays that far ahead; no commit after it begins a segment of its own."""
    bus = LogFileBus(tmp_path)
    for number in (0, 1, 10**9, 2, 3, 4, 5):
        publish(bus, number)
        bus.commit()
    asyncio.run(bus.close())
    assert [segment_of(path) for path in segment_files(tmp_path)] == [f"{0:020d}", f"{3:020d}"]


def test_a_log_of_closed_segments_alone_is_gone_on_with(closed: Path) -> None:
    """As a copy of what was kept elsewhere."""
    (newest,) = closed.glob("*.log")
    newest.unlink()
    count = len(list(read_log(closed)))
    bus = LogFileBus(closed)
    assert bus.standing.position.records == count
    trades = asyncio.run(bus.end_offset(TopicPartition("market.trade")))
    publish(bus, RECORDS)
    asyncio.run(bus.close())
    assert list(read_log(closed))[-1].offset == trades
    assert len(list(read_log(closed))) == count + 1
