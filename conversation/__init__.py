"""One turn of a conversation: hear, answer, speak; independent of how messages come in."""
