"""Stands for watchdog: there are no files to watch."""
