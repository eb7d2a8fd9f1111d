"""The version of the code that runs."""

from importlib.metadata import version
from pathlib import Path


def code_version() -> str:
    """The installed version, with the commit if the code is a git checkout."""
    commit = _commit(Path(__file__).resolve().parents[1] / ".git")
    return version("mm-runtime") + (f"+{commit[:12]}" if commit else "")


def _commit(git: Path) -> str | None:
    """The commit of HEAD, loose or packed; None where `git` is not a repository."""
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        ref = head.removeprefix("ref: ")
        if (git / ref).exists():
            return (git / ref).read_text().strip()
        packed = (line.split() for line in (git / "packed-refs").read_text().splitlines())
        return next((words[0] for words in packed if words[1:] == [ref]), None)
    except OSError:
        return None
