"""Simulated upstreams on loopback, for the demo and the tests: the real wire formats, with scripted faults."""
