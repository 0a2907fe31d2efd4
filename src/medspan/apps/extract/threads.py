"""Reading ahead and writing behind, so that files do not keep the encoder waiting."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["ReadAhead", "WriteBehind"]

T = TypeVar("T")

_POLL_SECONDS = 0.1


class ReadAhead(Generic[T]):
    """Iterates over `items` in a thread, at most `size` of them ahead.

    `seconds` is the thread's CPU time, `waited` how long the consumer has waited for items.
    """

    def __init__(self, items: Iterable[T], size: int) -> None:
        self.seconds = 0.0
        self.waited = 0.0
        self._items = items
        self._queue: queue.Queue[T] = queue.Queue(size)
        self._error: BaseException | None = None
        self._is_done = threading.Event()
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="medspan-read", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for item in self._items:
                while not self._is_stopped.is_set():
                    try:
                        self._queue.put(item, timeout=_POLL_SECONDS)
                        break
                    except queue.Full:
                        continue
                self.seconds = time.thread_time()
                if self._is_stopped.is_set():
                    return
        except BaseException as error:  # handed to the consumer
            self._error = error
        finally:
            self.seconds = time.thread_time()
            self._is_done.set()

    def __iter__(self) -> Iterator[T]:
        while True:
            is_done = self._is_done.is_set()  # asked before the queue, or a last item could be missed
            began = time.perf_counter()
            try:
                item = self._queue.get(block=not is_done, timeout=_POLL_SECONDS)
            except queue.Empty:
                if is_done:
                    break
                continue
            finally:
                self.waited += time.perf_counter() - began
            yield item
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End the thread, read or not. One that waits for input (a terminal, a pipe) is left to end by itself."""
        self._is_stopped.set()
        self._thread.join(timeout=1.0)


class WriteBehind(Generic[T]):
    """Calls `write` on items in a thread, in order; an error there is raised by the next `put` or by `close`."""

    def __init__(self, write: Callable[[T], None], size: int) -> None:
        self.seconds = 0.0
        self._write = write
        self._queue: queue.Queue[T | None] = queue.Queue(size)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="medspan-write", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._write(item)
                except BaseException as error:  # handed to the producer
                    self._error = error
            self.seconds = time.thread_time()

    def put(self, item: T) -> None:
        """Hand an item over, waiting while `size` of them wait."""
        self._raise()
        self._queue.put(item)

    def close(self) -> None:
        """Wait until everything is written."""
        self._queue.put(None)
        self._thread.join()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
