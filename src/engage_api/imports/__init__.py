"""Files of others into our resources: mappings say how, and every line that does not fit is told."""
