"""Groups <-> LiteLLM's proxy `config.yaml`: `export.written`, `reader.bundle_from`. Pure shape mapping.

What the proxy makes of each key was measured on 1.106.2; `tests/proxy` starts a real one on an export.
"""
