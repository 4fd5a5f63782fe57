"""From a checked document to a frozen model and its graph. Pure."""
