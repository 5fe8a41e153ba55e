"""What a server does again and again beside serving."""
