"""Plans: what turns servers into what their registries say, and carrying that out."""
