"""Sound: formats, decoding, measuring, local speech engines, encoding. Imports nothing of ours."""
