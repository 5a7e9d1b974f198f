"""The demo: a small company with a cloud and a bill, made from a seed."""
