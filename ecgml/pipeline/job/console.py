"""Messages and progress of a job."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


class Console:
    """Lines and progress on one stream: bars on a terminal, plain lines otherwise."""

    LINE_EVERY_S = 15.0
    """Interval of progress lines without a terminal, s."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.is_terminal = self.stream.isatty()

    def say(self, text: str) -> None:
        """Print a line."""
        from tqdm import tqdm

        tqdm.write(text, file=self.stream)
        self.stream.flush()

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.say(f"warning: {text}")

    @contextmanager
    def progress(self, label: str, unit: str) -> Iterator[Callable[..., None]]:
        """Return a function ``(done, total, note="")`` that shows progress as a bar or as occasional lines."""
        from tqdm import tqdm

        if self.is_terminal:
            with tqdm(desc=label, unit=f" {unit}", file=self.stream, leave=False, dynamic_ncols=True) as bar:

                def show(done: int, total: int, note: str = "") -> None:
                    bar.total = total
                    bar.set_postfix_str(note, refresh=False)
                    bar.update(done - bar.n)

                yield show
            return
        last = time.monotonic()

        def line(done: int, total: int, note: str = "") -> None:
            nonlocal last
            if time.monotonic() - last >= self.LINE_EVERY_S:
                last = time.monotonic()
                self.say(f"{label}: {done} of {total} {unit} {note}".rstrip())

        yield line
