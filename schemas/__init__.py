"""The interface between processes: topics, messages, units, configuration. No I/O."""
