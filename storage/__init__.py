"""What we keep: ports and their adapters."""
