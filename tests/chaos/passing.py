"""Time that passes because it is to pass: a fault lasts, people pause between two things."""

import threading


def let_pass(seconds: float) -> None:
    threading.Event().wait(seconds)
