"""The outside world that we call: ports beside their adapters."""
