"""HTTP for all adapters: sessions, host rules, retries, streams, media. Knows no vendor."""
