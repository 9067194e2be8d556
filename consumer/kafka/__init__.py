"""The Kafka client behind ports; nothing else imports aiokafka."""
