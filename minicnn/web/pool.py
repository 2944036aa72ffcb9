"""The processes that run the models, each for one request at a time, and replaced when they die."""

import asyncio
import contextlib
import logging
import multiprocessing
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from minicnn.errors import ServiceError
from minicnn.web import worker
from minicnn.web.worker import Answer, Job, Served

log = logging.getLogger("minicnn.web")

START = 120
"""Seconds until a new process is ready; most of them only where kernels must be compiled."""


class WorkerLostError(RuntimeError):
    """The process has died, or did not answer in time and was ended."""


class Worker:
    """One process, which is started when it is first needed and after it was lost."""

    def __init__(self, served: Sequence[Served], seconds: float):
        self.served, self.seconds = tuple(served), seconds
        self.process: BaseProcess | None = None
        self.connection: Connection | None = None
        self._turn = threading.Lock()

    @property
    def is_alive(self) -> bool:
        """Whether there is a process."""
        return self.process is not None and self.process.is_alive()

    def start(self) -> None:
        """Start the process and wait until it has the models; `WorkerLostError` if that fails."""
        with self._turn:
            self._start()

    def ask(self, job: Job) -> Answer:
        """Wait for the answer; if none comes, `WorkerLostError`, and then there is no process."""
        with self._turn:
            if not self.is_alive:
                self._start()
            return self._exchange(job, self.seconds)

    def stop(self) -> None:
        """End the process when it has answered."""
        with self._turn:
            self._end(patience=1)

    def kill(self) -> None:
        """End the process at once; whoever waits for its answer gets a `WorkerLostError`."""
        if self.process is not None:
            self.process.kill()

    def _start(self) -> None:
        self._end()
        # "spawn" also where "fork" would do: a fork of a process with threads may hang.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=worker.main, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()  # so that the death of the process ends the connection
        self._exchange(self.served, START)

    def _exchange(self, message: Job | tuple[Served, ...], seconds: float) -> Answer:
        assert self.connection is not None
        try:
            self.connection.send(message)
            if not self.connection.poll(seconds):
                raise WorkerLostError(f"no answer within {seconds:g} seconds")
            answer: Answer = self.connection.recv()
            return answer
        except (EOFError, OSError) as error:
            self._end(patience=1)
            raise WorkerLostError(f"its process ended with {self._exit_code()}") from error
        except WorkerLostError:
            self._end()
            raise

    def _exit_code(self) -> str:
        return f"exit code {self.process.exitcode}" if self.process else "an error"

    def _end(self, patience: float = 0) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        if self.process is not None:
            self.process.join(patience)
            with contextlib.suppress(OSError):
                self.process.kill()
            self.process.join()


class Pool:
    """So many workers, of which each request gets one that is free."""

    def __init__(self, served: Sequence[Served], workers: int, seconds: float):
        self.served = served
        self.workers = [Worker(served, seconds) for _ in range(workers)]
        self._free: asyncio.Queue[Worker] = asyncio.Queue()
        self._threads = ThreadPoolExecutor(workers, "minicnn-worker")

    @property
    def alive(self) -> int:
        """How many processes there are at the moment."""
        return sum(worker.is_alive for worker in self.workers)

    async def start(self) -> None:
        """Start all processes; `ServiceError` if one does not come up."""
        loop = asyncio.get_running_loop()
        starts = [loop.run_in_executor(self._threads, each.start) for each in self.workers]
        try:
            await asyncio.gather(*starts)
        except WorkerLostError as error:
            raise ServiceError(f"a worker of the service does not start: {error}") from error
        for each in self.workers:
            self._free.put_nowait(each)

    async def ask(self, job: Job) -> Answer:
        """Wait for a free worker and for its answer; asks again if the worker is lost.

        Raises `WorkerLostError` if it is lost a second time: then the picture is to blame.
        """
        mine = await self._free.get()
        loop = asyncio.get_running_loop()
        try:
            try:
                return await loop.run_in_executor(self._threads, mine.ask, job)
            except WorkerLostError as error:
                log.warning("a worker was lost and is replaced", extra={"reason": str(error)})
                return await loop.run_in_executor(self._threads, mine.ask, job)
        finally:
            self._free.put_nowait(mine)

    async def ask_aside(self, job: Job) -> Answer:
        """Ask in a process of its own, for what takes longer than others should wait.

        Raises `WorkerLostError` if it dies, or has no answer within `START` seconds.
        """
        mine = Worker(self.served, START)
        try:
            return await asyncio.get_running_loop().run_in_executor(None, mine.ask, job)
        finally:
            mine.kill()

    def stop(self) -> None:
        """End all processes, each when it has answered."""
        for each in self.workers:
            each.stop()
        self._threads.shutdown()
