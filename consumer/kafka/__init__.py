"""The Kafka client behind ports. Made by the wiring; nothing else in the project imports aiokafka."""
