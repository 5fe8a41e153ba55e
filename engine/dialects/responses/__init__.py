"""OpenAI's Responses and chat: Responses clients over chat upstreams, and chat clients over Responses upstreams."""
