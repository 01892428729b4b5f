"""How values look as text for people, the same in reports, on screens and in lines. Pure."""
