"""The webhook door: puts Linq's webhooks on the topic, for accounts without a Kafka feed."""
