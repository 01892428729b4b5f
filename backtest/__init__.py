"""`tidewheel compare`: one recorded history through several configurations, by the cores of four services.

They run one after another and without a broker. So it stands above the services: no other room knows several of them.
"""
