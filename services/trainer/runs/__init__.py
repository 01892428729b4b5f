"""What a run is handed, and what it leaves behind: its jobs, its events, its records."""
