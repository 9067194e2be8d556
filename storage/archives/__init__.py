"""Archives of recordings and replies: disk, S3, and the spool of uploads that are still to be made."""
