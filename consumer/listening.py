"""The message for a port that cannot be bound."""

from __future__ import annotations

import errno


def refusal(error: OSError, what: str, host: str, port: int) -> str:
    """Return what to change: `what` is the variable's prefix, VITALS or WEBHOOK."""
    if error.errno == errno.EADDRINUSE:
        return f"{what}_PORT {port} is taken on {host}: set {what}_PORT to a free one, or to 0 for any"
    if error.errno == errno.EACCES:
        return f"{what}_PORT {port} needs more rights: set {what}_PORT to one above 1023"
    return f"{what}_HOST {host} cannot be listened on: set it to an address of this machine"
