"""What all HTTP adapters share: sessions, host rules, retries, streams, media. Knows no vendor."""
