"""The stages, a small callable object each: fetch, decode, hear, answer, speak, deliver; keep and remember aside."""
