"""Events sent to others: endpoints, deliveries, signatures."""
