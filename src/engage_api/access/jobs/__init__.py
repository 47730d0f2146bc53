"""The durable jobs, as their operator sees them."""
