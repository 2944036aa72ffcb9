"""Where a study is kept: a journal in a folder that processes share, or a database.

Each trial that runs gives a sign of life, so that the others notice when its process was killed:
they mark it as failed and try it again. Optuna does that for its databases; for a journal it is
done here, with a file for each running trial whose time is set anew every few seconds.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import (
    BaseStorage,
    JournalStorage,
    RDBStorage,
    RetryHeartbeatStaleTrialCallback,
    fail_stale_trials,
)
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from minicnn.errors import FileError, one_line

BEAT, PATIENCE = 5, 60
"""Seconds between two signs of life, and without one until a process is taken for dead."""


def retry(study: optuna.Study, trial: FrozenTrial) -> None:
    """Leave a trial that has failed to whoever goes on."""
    RetryHeartbeatStaleTrialCallback()(study, trial)


class Heartbeats:
    """Signs of life of the running trials of a journal: files in the folder `alive` beside it."""

    def __init__(self, folder: Path):
        self.alive = folder.absolute() / "alive"
        self.alive.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def of(self, number: int) -> Iterator[None]:
        """Give signs of life for the trial of this number, until the block ends."""
        path, over = self.alive / str(number), threading.Event()

        def beat() -> None:
            while not over.wait(BEAT):
                path.touch()

        path.touch()
        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            path.unlink(missing_ok=True)

    def fail_stale(self, study: optuna.Study) -> None:
        """Mark the running trials whose process has been silent for too long, to be tried again."""
        # The time now by the clock of the disk: machines that share it may have other clocks.
        clock = self.alive / f"clock-{os.getpid()}"
        clock.touch()
        now = clock.stat().st_mtime
        clock.unlink()
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if now - self._beat(trial.number) > PATIENCE:
                with contextlib.suppress(ValueError, UpdateFinishedTrialError):  # others did so
                    study.tell(trial.number, state=TrialState.FAIL)
                    retry(study, study.get_trials()[trial.number])

    def _beat(self, number: int) -> float:
        """When a trial gave its last sign of life; one that never did counts from now on."""
        path = self.alive / str(number)
        if not path.exists():
            path.touch()
        return path.stat().st_mtime


class DatabaseHeartbeats:
    """As `Heartbeats`, for a database, in which Optuna has signs of life by itself."""

    of = contextlib.nullcontext
    fail_stale = staticmethod(fail_stale_trials)


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
def opened(
    folder: Path, url: str | None
) -> Iterator[tuple[BaseStorage, Heartbeats | DatabaseHeartbeats]]:
    """Yield the journal in `folder`, or the database at `url`, and the signs of life there.

    Raises `FileError` for what cannot be read, or reached.
    """
    storage: BaseStorage
    try:
        storage = _journal(folder) if url is None else _database(url)
    except Exception as error:  # of Optuna, SQLAlchemy or a driver, and a dozen kinds of damage
        where = f"{folder / 'journal.log'}: no journal of a search, or damaged"
        if url is not None:
            where = f"{_without_password(url)}: cannot be opened as a database"
        raise FileError(f"{where}: {one_line(error)}") from error
    try:
        yield storage, Heartbeats(folder) if url is None else DatabaseHeartbeats()
    finally:
        storage.remove_session()
        if isinstance(storage, RDBStorage):
            storage.engine.dispose()


def _journal(folder: Path) -> JournalStorage:
    path = str((folder / "journal.log").absolute())
    lock = JournalFileOpenLock(path)
    _mend(Path(path), lock)
    return JournalStorage(JournalFileBackend(path, lock))


def _database(url: str) -> RDBStorage:
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
