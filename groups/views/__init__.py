"""The pages of the routing groups. `detail` also gives what other rooms show on a group's page."""
