"""Idempotency keys for calls whose answer was lost."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from storage.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

Call: TypeAlias = tuple["Hashable", ...]

_MOST = 256


class IdempotencyKeys:
    """Keys of this process's unanswered calls, the oldest dropped first.

    An SQL function repeats its stored answer to a key, so concurrent calls never share one.
    """

    def __init__(self) -> None:
        self._keys: dict[Call, str] = {}

    @contextmanager
    def key(self, call: Call) -> Iterator[str]:
        """Yield a call's key: a new one, unless its last answer was lost."""
        key = self._keys.pop(call, None) or str(uuid.uuid4())
        answered = False
        try:
            yield key
            answered = True
        except StoreUnavailable:
            raise
        except Exception:
            answered = True
            raise
        finally:
            if not answered:
                self._keys[call] = key
                if len(self._keys) > _MOST:
                    del self._keys[next(iter(self._keys))]
