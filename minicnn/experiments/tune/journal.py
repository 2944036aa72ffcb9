"""Where a study is kept: a journal in a folder that processes share, or a database.

Each trial that runs gives a sign of life, so that the others notice when its process was killed:
they mark it as failed and try it again. Optuna does that for its databases; for a journal it is
done here, with a file for each running trial whose time is set anew every few seconds.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
from optuna.storages import (
    BaseStorage,
    JournalStorage,
    RDBStorage,
    RetryHeartbeatStaleTrialCallback,
)
from optuna.storages._heartbeat import BaseHeartbeat
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from minicnn.errors import CheckpointError, one_line

BEAT, PATIENCE = 5, 60
"""Seconds between two signs of life, and without one until a process is taken for dead."""

Retry = Callable[[optuna.Study, FrozenTrial], None]


class Journal(JournalStorage, BaseHeartbeat):
    """Optuna's journal in `folder`, with signs of life in its folder `alive`."""

    def __init__(self, folder: Path, retry: Retry):
        path = (folder / "journal.log").absolute()
        self.alive, self.retry = folder.absolute() / "alive", retry
        self.mine: set[Path] = set()
        self.alive.mkdir(parents=True, exist_ok=True)
        lock = JournalFileOpenLock(str(path))
        _mend(path, lock)
        super().__init__(JournalFileBackend(str(path), lock))

    def record_heartbeat(self, trial_id: int) -> None:
        path = self.alive / str(trial_id)
        path.touch()
        self.mine.add(path)

    def remove_session(self) -> None:
        """The trials of this process have ended: they need no more signs of life."""
        while self.mine:
            self.mine.pop().unlink(missing_ok=True)

    def get_heartbeat_interval(self) -> int:
        return BEAT

    def get_heartbeat_stale_trial_callback(self) -> Retry:
        return self.retry

    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        """The running trials whose process has been silent for too long."""
        # The time now by the clock of the disk: machines that share it may have other clocks.
        clock = self.alive / f"clock-{os.getpid()}"
        clock.touch()
        now = clock.stat().st_mtime
        clock.unlink()
        return [
            trial._trial_id
            for trial in self.get_all_trials(study_id, deepcopy=False)
            if trial.state == TrialState.RUNNING and now - self._beat(trial._trial_id) > PATIENCE
        ]

    def _beat(self, trial_id: int) -> float:
        """When a trial gave its last sign of life; one that never did counts from now on."""
        path = self.alive / str(trial_id)
        if not path.exists():
            path.touch()
        return path.stat().st_mtime


def _mend(path: Path, lock: JournalFileOpenLock) -> None:
    """Cut off a last line that a failing machine left half-written: all after it would be lost."""
    if not path.exists() or path.stat().st_size == 0:
        return
    lock.acquire()
    try:
        with open(path, "r+b") as file:
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.seek(0)
                whole = file.read().rpartition(b"\n")
                file.truncate(len(whole[0]) + len(whole[1]))
    finally:
        lock.release()


@contextlib.contextmanager
def opened(folder: Path, url: str | None) -> Iterator[BaseStorage]:
    """The journal in `folder`, or the database at `url`.

    Raises `CheckpointError` for what cannot be read, or reached.
    """
    retry = RetryHeartbeatStaleTrialCallback()
    storage: BaseStorage
    try:
        storage = Journal(folder, retry) if url is None else _database(url, retry)
    except Exception as error:  # of Optuna, SQLAlchemy or a driver, and a dozen kinds of damage
        where = f"{folder / 'journal.log'}: no journal of a search, or damaged"
        if url is not None:
            where = f"{_without_password(url)}: cannot be opened as a database"
        raise CheckpointError(f"{where}: {one_line(error)}") from error
    try:
        yield storage
    finally:
        storage.remove_session()
        if isinstance(storage, RDBStorage):
            storage.engine.dispose()


def _database(url: str, retry: Retry) -> RDBStorage:
    return RDBStorage(
        url,
        heartbeat_interval=BEAT,
        grace_period=PATIENCE,
        heartbeat_stale_trial_callback=retry,
    )


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return repr(url)
