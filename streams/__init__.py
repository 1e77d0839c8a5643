"""The service: from events on Kafka to indicators that Prometheus scrapes. See docs/architecture.md."""
