"""Process view-projector: projects topics into the documents shown to users."""
