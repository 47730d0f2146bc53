"""What HTTP asks of every route: strict input, problems, pages, ETags, idempotency, limits."""
