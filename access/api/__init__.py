"""The REST API of this room: `/api/v1/llm/teams`, `/api/v1/llm/keys`, `/api/v1/llm/users`."""
