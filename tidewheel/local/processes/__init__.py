"""The processes of a run: started, tied to this one, looked after, ended in order."""
