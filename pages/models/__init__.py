"""The pages of models and of price updates."""
