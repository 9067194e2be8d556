"""The webhook server: puts Linq's webhooks on the topic, for accounts without a Kafka feed."""
