"""Simulated upstreams on loopback: the real wire formats, with scripted faults."""
