"""Metrics, logs and traces of memos, made by listeners to notices."""
