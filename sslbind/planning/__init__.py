"""Plans: what makes servers match their registries, and how it is applied."""
