"""How providers, groups and deployments do now: the last minutes, speeds, cooldowns."""
