"""Falling back: a ladder of rungs, the breaker and the deadline of each. Imports providers.errors and runtime only."""
