"""One event to its end: claimed, worked on, settled, parked or dead-lettered. Called by the worker."""
