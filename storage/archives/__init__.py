"""Archives: disk, S3, and one that spools and retries refused uploads."""
