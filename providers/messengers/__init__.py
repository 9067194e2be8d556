"""Messengers: the APIs that replies go through."""
