"""Identification of a text's language by everyday words, scripts and langdetect."""
