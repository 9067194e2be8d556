"""One turn of a conversation: hear, answer and speak, whoever asks for it."""
