"""One recorded history through several configurations: the services' own cores, one after another, without a broker."""
