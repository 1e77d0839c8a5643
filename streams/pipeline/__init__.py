"""The service on Kafka: topics, the hot path, the assessment, and the Faust app that owns them."""
