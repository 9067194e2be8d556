"""Adapters of models: speech to text, chat, text to speech. One file per vendor; made by providers/factory."""
