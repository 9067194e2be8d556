"""Traces: each memo's way as spans of OpenTelemetry; off, and not even imported, unless they have somewhere to go."""
