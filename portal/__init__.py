"""The site's frame: settings, doors, the worker's wiring and the embedded services; it knows no patch."""
