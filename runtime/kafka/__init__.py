"""The bus of a distributed engine: Apache Kafka through aiokafka, which nothing else imports."""
