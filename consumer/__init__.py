"""The flow: from a Kafka record to a spoken reply."""
