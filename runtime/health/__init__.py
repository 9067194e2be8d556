"""Health of a process: probes, loop lag, and a watchdog that acts from a thread of its own."""
