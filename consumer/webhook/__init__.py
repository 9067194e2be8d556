"""The webhook door: Linq's webhooks, checked and put on the topic, for whoever has no Kafka feed."""
