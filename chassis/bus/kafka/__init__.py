"""The bus of processes that run apart: Apache Kafka, through aiokafka, which nothing else imports."""
