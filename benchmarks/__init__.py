"""Measurements that anyone can rerun: this project against what it replaces, and against the machine's own speed."""
