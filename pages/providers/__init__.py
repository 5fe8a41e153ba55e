"""The pages of the providers, their connections and cooldowns."""
