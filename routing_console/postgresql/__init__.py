"""Django's backend for PostgreSQL, with a circuit breaker before its pool."""
