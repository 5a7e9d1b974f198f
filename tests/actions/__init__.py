"""Actions on a real HTTP cloud, guards, plans and runs."""
