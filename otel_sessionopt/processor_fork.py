"""Methods that run when the process forks."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable


def register_fork_hooks(
    before: Callable[[], None], after_in_parent: Callable[[], None], after_in_child: Callable[[], None]
) -> None:
    """Have three methods of one object called around each fork, for as long as the object lives."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_weak(before), after_in_parent=_weak(after_in_parent), after_in_child=_weak(after_in_child)
        )


def _weak(method: Callable[[], None]) -> Callable[[], None]:
    # Weak, and checked: hooks cannot be unregistered, and an object that is gone must not fail a fork.
    reference = weakref.WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    return call
