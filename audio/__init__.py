"""Sound, and nothing else: what a recording is, how it is decoded, measured, spoken and encoded.

Imports nothing of ours. Everything here takes bytes or text and gives bytes or text.
"""
