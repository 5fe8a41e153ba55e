"""The current health of providers, groups and deployments: the last minutes, speeds, cooldowns."""
