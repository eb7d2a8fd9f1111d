"""The world a model assumes, to compare its profit with a paper's."""
