"""The contract between processes: topics, messages, units, configuration. No I/O."""
