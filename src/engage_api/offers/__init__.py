"""Offers: propositions that customers can accept."""
