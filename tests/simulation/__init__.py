"""All five services on a broker in memory, under one seed, with faults at every effect. See ADR 16."""
