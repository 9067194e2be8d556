"""What we keep: ports beside their adapters."""
