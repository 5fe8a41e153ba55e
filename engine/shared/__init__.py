"""What server processes know together: in flight, latencies, breakers, limits a minute, and who probes."""
