"""Names for calls, so that one whose answer was lost can be made again without being done twice."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from storage.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

Call: TypeAlias = tuple["Hashable", ...]
"""What makes two calls the same: function, memo, claim or owner."""

_MOST = 256


class Unanswered:
    """Calls of this process that may have been done, for all that we know; the oldest are forgotten first.

    The function notes the name of the call that did something, and answers as before to whoever comes with it again. So
    a name is given out a second time only where the first answer was lost, and never to two calls at once.
    """

    def __init__(self) -> None:
        self._names: dict[Call, str] = {}

    @contextmanager
    def named(self, call: Call) -> Iterator[str]:
        """Give the name for a call: a new one, unless it is made again because its answer was lost."""
        name = self._names.pop(call, None) or str(uuid.uuid4())
        answered = False
        try:
            yield name
            answered = True
        except StoreUnavailable:
            raise
        except Exception:
            answered = True
            raise
        finally:
            if not answered:
                self._names[call] = name
                while len(self._names) > _MOST:
                    del self._names[next(iter(self._names))]
