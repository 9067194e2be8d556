"""Replies: the persona, the stream, and whether a reply is fit to be sent."""
