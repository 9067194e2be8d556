"""What listens: metrics, logs and traces of memos. Nothing in the flow imports it."""
