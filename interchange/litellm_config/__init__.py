"""Groups <-> LiteLLM's proxy `config.yaml`: `export.written`, `reader.bundle_from`. Pure shape mapping.

The meaning of each key was measured on proxy 1.106.2; `tests/proxy` starts a real one on an export.
"""
