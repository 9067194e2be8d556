"""One turn of a conversation: hear, answer, speak. Knows no Kafka, ledger or memo, so any door may use it."""
