"""OpenTelemetry traces of memos, off unless they have somewhere to go."""
