"""Metrics, logs and traces of memos, produced by subscribers of notices."""
