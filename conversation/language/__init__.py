"""Which language a text is in, from everyday words, scripts and langdetect."""
