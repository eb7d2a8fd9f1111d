"""The state on disk of the processes of a group.

A process alone has its state in a folder of its own. Several that share a loop also share a folder and its
journal, as their state is one: what one has published the others have heard. When they end in order, each
gets its state back into its own folder, so that it can go on alone or in a group.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time_ns
from typing import NamedTuple, Protocol

import structlog

from runtime.errors import LogDamagedError, StateRefusedError
from runtime.process.names import in_shard_of
from runtime.state.carried_file import CarriedState
from runtime.state.carried_file import from_bytes as carried_from_bytes
from runtime.state.journal import Journal, JournalTurn
from runtime.state.kept_snapshots import KeptSnapshots
from runtime.state.snapshot import Snapshot, readable
from runtime.state.state_files import Left, StateFiles, newest_head
from schemas.topics import PATH

logger = structlog.get_logger()


class MemberLife(NamedTuple):
    """What names the state of one process."""

    name: str
    epoch: int
    session_began_ns: int


class MemberState(NamedTuple):
    """The serialised state of one process."""

    name: str
    epoch: int
    session_began_ns: int
    snapshot: bytes
    carried: bytes | None

    @property
    def life(self) -> MemberLife:
        """What names it."""
        return MemberLife(self.name, self.epoch, self.session_began_ns)


@dataclass(frozen=True, slots=True)
class GroupLeft:
    """The state left by the processes of a group."""

    members: Mapping[str, Left]
    turns: Sequence[JournalTurn]
    """What they consumed together since then."""
    were_alone: bool = False
    """Whether each ran alone, so that one may not have read what another published."""

    @property
    def is_new(self) -> bool:
        """Whether there is no state of any of them."""
        return all(left.standing is None for left in self.members.values())


class GroupFiles(Protocol):
    """Reads and writes the state of a group."""

    @property
    def directory(self) -> Path:
        """The folder of the journal."""

    def newest_epoch(self, name: str) -> int:
        """The highest epoch of a member with files; 0: none."""

    def check_newest(self) -> None:
        """Raises StateRefusedError where other files are newer; called before anything is claimed."""

    def load(self, hashes: Mapping[str, str]) -> GroupLeft:
        """The state left behind; `hashes` are of the members' sources. Raises LogDamagedError,
        StateRefusedError.
        """

    def roll(self, states: Sequence[MemberState]) -> Journal:
        """Write the state, and begin its journal. `carried` is given for all or none."""

    def next_stem(self, lives: Sequence[MemberLife]) -> str:
        """The name of the next state."""

    def write_aside(self, stem: str, states: Sequence[MemberState]) -> None:
        """Write a state that counts once it is complete. `carried` is given for all or none."""

    def follow(self, stem: str, lives: Sequence[MemberLife]) -> Journal:
        """Begin the journal of a state that is being written."""

    def complete(self, stem: str) -> Mapping[str, bytes]:
        """Put a state in place that was written aside; the carried states in it, if any, by member."""

    def hand_over(self, states: Sequence[MemberState]) -> None:
        """At an orderly end, after everything was written: give each member its own state."""

    def names(self) -> list[str]:
        """Names of the state files."""

    def release(self) -> None:
        """Release the folders for a repair: nothing is written there any more."""

    def close(self) -> None:
        """Sync the journal and release the folders."""


class OwnFiles:
    """The state of a process alone, in its own folder."""

    def __init__(self, state_dir: Path, name: str, kept_hours: int) -> None:
        self._state_dir = state_dir
        self._name = name
        self._files = StateFiles(state_dir / name, kept_hours)
        self.directory = self._files.directory

    def newest_epoch(self, name: str) -> int:
        """See GroupFiles."""
        return self._files.newest_epoch

    def check_newest(self) -> None:
        """See GroupFiles."""
        path = in_shard_of(self._name, PATH)
        shared = newest_head(self._state_dir / path)
        epoch = 0 if shared is None else shared.epochs.get(self._name, 0)
        if epoch > self._files.newest_epoch:
            raise StateRefusedError(
                f"{self._name} ran in {path} since, and that did not end in order: start {path} and stop it, "
                f"or rebuild this state with `maker state rebuild {self._name}`"
            )

    def load(self, hashes: Mapping[str, str]) -> GroupLeft:
        """See GroupFiles."""
        left = self._files.load(hashes[self._name])
        return GroupLeft({self._name: left}, tuple(left.turns))

    def roll(self, states: Sequence[MemberState]) -> Journal:
        """See GroupFiles."""
        (state,) = states
        return self._files.roll(state.epoch, state.session_began_ns, state.snapshot, state.carried)

    def next_stem(self, lives: Sequence[MemberLife]) -> str:
        """See GroupFiles."""
        (life,) = lives
        return self._files.next_stem(life.epoch)

    def write_aside(self, stem: str, states: Sequence[MemberState]) -> None:
        """See GroupFiles."""
        (state,) = states
        self._files.write_aside(stem, state.snapshot, state.carried)

    def follow(self, stem: str, lives: Sequence[MemberLife]) -> Journal:
        """See GroupFiles."""
        (life,) = lives
        return self._files.follow(stem, life.session_began_ns)

    def complete(self, stem: str) -> Mapping[str, bytes]:
        """See GroupFiles."""
        self._files.complete(stem)
        carried = self._files.carried_of(stem)
        return {} if carried is None else {self._name: carried}

    def hand_over(self, states: Sequence[MemberState]) -> None:
        """Nothing: it is in its own folder already."""

    def names(self) -> list[str]:
        """See GroupFiles."""
        return self._files.names()

    def release(self) -> None:
        """See GroupFiles."""
        self._files.release()

    def close(self) -> None:
        """See GroupFiles."""
        self._files.close()


class SharedFiles:
    """The state of several processes that share a loop."""

    def __init__(self, state_dir: Path, name: str, members: Sequence[str], kept_hours: int) -> None:
        self._name = name
        self._files = StateFiles(state_dir / name)
        self.directory = self._files.directory
        self._own: dict[str, StateFiles] = {}
        try:
            for member in members:
                self._own[member] = StateFiles(state_dir / member)
        except BaseException:
            self.release()
            raise
        self._kept = {
            member: KeptSnapshots(state_dir / member, kept_hours) for member in members if kept_hours
        }

    def _shared_epochs(self) -> Mapping[str, int]:
        """By member, its epoch when the shared state was written; empty: there is none."""
        head = newest_head(self.directory)
        return {} if head is None else head.epochs

    def newest_epoch(self, name: str) -> int:
        """See GroupFiles."""
        return max(self._own[name].newest_epoch, self._shared_epochs().get(name, 0))

    def check_newest(self) -> None:
        """See GroupFiles."""
        shared = self._shared_epochs()
        own = {name: files.newest_epoch for name, files in self._own.items()}
        newer = [name for name, epoch in own.items() if epoch > shared.get(name, -1)]
        older = self._older(shared)
        if newer and older:
            raise StateRefusedError(
                f"{', '.join(newer)} ran alone since {self._name} ended, and {', '.join(older)} did not: "
                "rebuild and run those alone too"
            )

    def _older(self, shared: Mapping[str, int]) -> list[str]:
        """The members whose own state is older than the shared one."""
        return [name for name, files in self._own.items() if files.newest_epoch < shared.get(name, 0)]

    def load(self, hashes: Mapping[str, str]) -> GroupLeft:
        """See GroupFiles."""
        shared = self._shared_epochs()
        if self._older(shared):
            return self._load_shared(hashes)
        if shared:
            self._files.clear()
        elif self._files.names():
            raise LogDamagedError(f"{self.directory} holds files and no journal that could be read")
        return self._load_own(hashes)

    def _load_shared(self, hashes: Mapping[str, str]) -> GroupLeft:
        snapshots, carried, turns = self._files.find(
            lambda path: _snapshots_at(path, hashes), lambda path: _carried_at(path, hashes)
        )
        members = {
            name: Left(
                None if snapshots is None else snapshots[name], None if carried is None else carried[name], ()
            )
            for name in self._own
        }
        return GroupLeft(members, tuple(turns))

    def _load_own(self, hashes: Mapping[str, str]) -> GroupLeft:
        members = {name: files.load(hashes[name]) for name, files in self._own.items()}
        unfinished = [name for name, left in members.items() if next(iter(left.turns), None) is not None]
        if unfinished:
            raise StateRefusedError(
                f"{', '.join(unfinished)} did not end in order when it ran alone: start it alone once more, "
                "stop it, and then start this"
            )
        return GroupLeft(members, (), were_alone=True)

    def roll(self, states: Sequence[MemberState]) -> Journal:
        """See GroupFiles."""
        lives = [state.life for state in states]
        stem = self.next_stem(lives)
        self.write_aside(stem, states)
        self._files.put_in_place(stem)
        journal = self.follow(stem, lives)
        self._files.prune()
        self._keep({state.name: state.snapshot for state in states})
        return journal

    def next_stem(self, lives: Sequence[MemberLife]) -> str:
        """See GroupFiles."""
        return self._files.next_stem(max(life.epoch for life in lives))

    def write_aside(self, stem: str, states: Sequence[MemberState]) -> None:
        """See GroupFiles."""
        carried = {state.name: state.carried for state in states if state.carried is not None}
        snapshots = _packed({state.name: state.snapshot for state in states})
        self._files.write_aside(stem, snapshots, _packed(carried) if carried else None)

    def follow(self, stem: str, lives: Sequence[MemberLife]) -> Journal:
        """See GroupFiles."""
        began_ns = max(life.session_began_ns for life in lives)
        return self._files.follow(stem, began_ns, {life.name: life.epoch for life in lives})

    def complete(self, stem: str) -> Mapping[str, bytes]:
        """See GroupFiles."""
        self._files.complete(stem)
        if any(kept.is_due(time_ns()) for kept in self._kept.values()):
            self._keep(_unpacked(self._files.snapshot_of(stem), self._own))
        carried = self._files.carried_of(stem)
        return {} if carried is None else _unpacked(carried, self._own)

    def _keep(self, snapshots: Mapping[str, bytes]) -> None:
        now_ns = time_ns()
        for name, snapshot in snapshots.items():
            if name in self._kept:
                self._kept[name].keep_content(snapshot, now_ns)

    def hand_over(self, states: Sequence[MemberState]) -> None:
        """See GroupFiles."""
        for state in states:
            own = self._own[state.name]
            own.clear()
            own.roll(state.epoch, state.session_began_ns, state.snapshot, state.carried).close()
        self._files.clear()

    def names(self) -> list[str]:
        """See GroupFiles."""
        own = (f"{member}/{name}" for member, files in self._own.items() for name in files.names())
        return [*self._files.names(), *own]

    def release(self) -> None:
        """See GroupFiles."""
        for files in (self._files, *self._own.values()):
            files.release()

    def close(self) -> None:
        """See GroupFiles."""
        try:
            self._files.close()
        finally:
            for files in self._own.values():
                files.release()


def _packed(contents: Mapping[str, bytes]) -> bytes:
    """Several files in one: a line of JSON with their names and lengths, then the files."""
    head = json.dumps([[name, len(content)] for name, content in contents.items()]).encode()
    return b"".join((head, b"\n", *contents.values()))


def _unpacked(data: bytes, names: Mapping[str, object]) -> dict[str, bytes]:
    """The inverse; raises LogDamagedError where it is not of these names."""
    head, _, body = data.partition(b"\n")
    try:
        lengths = [(str(name), int(length)) for name, length in json.loads(head)]
    except (ValueError, TypeError) as error:
        raise LogDamagedError(f"its first line is damaged: {error}") from error
    contents: dict[str, bytes] = {}
    for name, length in lengths:
        contents[name], body = body[:length], body[length:]
    if contents.keys() != names.keys():
        raise LogDamagedError(f"it is of {', '.join(contents)}")
    return contents


def _snapshots_at(path: Path, hashes: Mapping[str, str]) -> dict[str, Snapshot] | None:
    if not path.exists():
        return None
    try:
        contents = _unpacked(path.read_bytes(), hashes)
        return {name: readable(content, hashes[name]) for name, content in contents.items()}
    except LogDamagedError as error:
        logger.warning("snapshot_passed_over", path=str(path), reason=str(error))
        return None


def _carried_at(path: Path, hashes: Mapping[str, str]) -> dict[str, CarriedState] | None:
    if not path.exists():
        return None
    try:
        contents = _unpacked(path.read_bytes(), hashes)
        return {name: carried_from_bytes(content) for name, content in contents.items()}
    except (LogDamagedError, KeyError, TypeError, ValueError) as error:
        logger.warning("carried_state_passed_over", path=str(path), reason=str(error))
        return None
