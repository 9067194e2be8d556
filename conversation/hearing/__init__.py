"""Speech recognition: pieces heard concurrently, hallucinations left out."""
