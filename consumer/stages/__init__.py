"""The stages, one small callable object each: fetch, decode, hear, answer, speak, deliver; keep and remember beside them."""
