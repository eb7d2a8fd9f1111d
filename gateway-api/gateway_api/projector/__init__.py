"""Process view-projector: topics to the documents that people read."""
