"""OpenTelemetry: a span per request and per attempt. Nothing of it is imported unless OTEL_* names a receiver."""
