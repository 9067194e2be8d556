"""Listening: what to tell an operator when a port cannot be had."""

from __future__ import annotations

import errno


def refusal(error: OSError, what: str, host: str, port: int) -> str:
    """Say which variable to change.

    Args:
        error: what listening raised.
        what: VITALS or WEBHOOK, as the two variables begin.
        host: that was to be listened on.
        port: that was to be listened on.
    """
    if error.errno == errno.EADDRINUSE:
        return f"{what}_PORT {port} is taken on {host}: set {what}_PORT to a free one, or to 0 for any"
    if error.errno == errno.EACCES:
        return f"{what}_PORT {port} is not ours to listen on: set {what}_PORT to one above 1023"
    return f"{what}_HOST {host} cannot be listened on: set it to an address of this machine"
