"""Calls over gRPC, whatever they ask: threads, admission, deadlines, status, health, reflection. Knows no model."""
