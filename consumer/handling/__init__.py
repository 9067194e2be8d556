"""Handling of one event: claimed, answered, settled, parked or dead-lettered."""
