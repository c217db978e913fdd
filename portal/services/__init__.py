"""The database and the broker that come with the site, and what keeps all its parts running; knows no Django."""
