"""The sample plugin: serves `ping`, handles one event and makes one proxied call."""
