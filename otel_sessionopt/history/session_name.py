"""Which session a person means who gives an id, or a part of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_sessionopt.errors import RecordingError

if TYPE_CHECKING:
    from otel_sessionopt.store.protocol import Store

_CANDIDATES_NAMED: Final = 5
# As with Git's abbreviated hashes: less is more likely a slip than a name.
_SHORTEST_BEGINNING: Final = 4


def id_of(store: Store, name: str) -> str | None:
    """See `SessionOptimizer.id_of`."""
    if store.get(name) is not None:
        return name
    found = store.ids_beginning(name, _CANDIDATES_NAMED + 1) if len(name) >= _SHORTEST_BEGINNING else []
    if len(found) <= 1:
        return found[0] if found else None
    more = ", …" if len(found) > _CANDIDATES_NAMED else ""
    raise RecordingError(f"several sessions begin with {name!r}: {', '.join(found[:_CANDIDATES_NAMED])}{more}")
