"""Falling back: a ladder of rungs, the breaker and the deadline of each. May import errors and ports alone."""
