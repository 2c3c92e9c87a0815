"""Seeded generators of sample exports, and the samples that they made with the outcome that each row must have."""
