"""What the demo prints, and how: plain words, and progress for whatever takes longer."""

import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

_WIDTH = 88
_LABEL = 18
_EVERY_SECONDS = 5.0


class Teller:
    """Tells the story on standard output; counts on the same line where that is a terminal."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._terminal = sys.stdout.isatty()
        self._chapter = 0

    def chapter(self, title: str) -> None:
        self._chapter += 1
        click.echo()
        click.secho(f"{self._chapter}. {title}", bold=True)

    def say(self, text: str) -> None:
        # Not at hyphens: a path or a command is to be copied whole.
        lines = textwrap.wrap(text, _WIDTH - 3, break_on_hyphens=False)
        click.echo(textwrap.indent("\n".join(lines), "   "))

    def fact(self, label: str, text: str, colour: str | None = None) -> None:
        """A labelled line, wrapped under its own text."""
        head = f"   {label:<{_LABEL}} "
        body = textwrap.wrap(text, _WIDTH - len(head)) or [""]
        click.echo(click.style(head, fg=colour, bold=colour is not None) + body[0])
        for line in body[1:]:
            click.echo(" " * len(head) + line)

    def quote(self, text: str) -> None:
        """What another program printed, as it printed it."""
        for line in text.rstrip().splitlines():
            click.secho(f"   | {line}", dim=True)

    def elapsed(self) -> str:
        seconds = time.monotonic() - self._began
        return (
            f"{int(seconds // 60)} min {seconds % 60:.0f} s"
            if seconds >= 60
            else (f"{seconds:.0f} s")
        )

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Yields `tell(done, total)`, which may be called from any thread, as often as liked."""
        began = time.monotonic()
        last = [0.0]

        def tell(done: int, total: int) -> None:
            now = time.monotonic()
            if done < total and now - last[0] < (0.1 if self._terminal else _EVERY_SECONDS):
                return
            last[0] = now
            share = done / total if total else 1.0
            left = (now - began) * (1 - share) / share if share > 0 else 0.0
            line = f"   {what}: {done} of {total}"
            line += f", about {left:.0f} s left" if 0.03 < share < 1 and left >= 1 else ""
            self._write(line)

        yield tell
        self._write(f"   {what}: done in {time.monotonic() - began:.1f} s", final=True)

    def _write(self, line: str, final: bool = False) -> None:
        if self._terminal:
            click.echo("\r" + line.ljust(_WIDTH), nl=final)
        else:
            click.echo(line)
        sys.stdout.flush()
