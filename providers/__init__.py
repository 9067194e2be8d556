"""The outside world that we call: ports and their adapters."""
