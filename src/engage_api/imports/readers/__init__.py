"""Kinds of files, each read line by line."""
