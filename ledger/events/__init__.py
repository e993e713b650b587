"""Facts: frozen values named in the past tense, one file a lifecycle, each with a stable topic."""
