"""`maker log import` of what cannot be replayed from Kafka."""

from pathlib import Path

from typer.testing import CliRunner

from maker.cli.app import app
from runtime.log.segments import segment_files
from tests.unit.runtime.kept_logs import write_segments


def test_a_log_whose_beginning_is_deleted_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    write_segments(tmp_path)
    oldest, second, *_ = segment_files(tmp_path)
    oldest.unlink()
    done = CliRunner().invoke(app, ["log", "import", str(tmp_path), "--kafka", "127.0.0.1:1"])
    assert done.exit_code == 2
    assert f"lacks its first {int(second.name.split('.')[0])} records" in done.stderr
    assert f"maker replay {tmp_path}" in done.stderr
